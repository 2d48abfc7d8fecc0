"""From which level on each module logs: as configured, and for a while as somebody asked of a running worker.

A module that is below its level costs what structlog's filter costs: a call that returns at once.
"""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from structlog.typing import FilteringBoundLogger


class LogLevels:
    """The level of each module; the longest name that it begins with counts.

    Args:
        level: "debug" to "critical", of all modules without a level of their own.
        levels: by the name of a module, or of a package for all of it.

    Raises:
        KeyError: a level does not exist.
    """

    def __init__(self, level: str, levels: Mapping[str, str] = MappingProxyType({})) -> None:
        self._level = _number(level)
        self._levels = {name: _number(each) for name, each in levels.items()}
        self._raised: int | None = None
        self._loggers: dict[str, Any] = {}

    @property
    def level(self) -> int:
        """That of all modules without one of their own, as configured."""
        return self._level

    def of(self, module: str) -> int:
        """Return the least level that is shown of this module."""
        name = module
        while name and name not in self._levels:
            name = name.rpartition(".")[0]
        configured = self._levels.get(name, self._level)
        return configured if self._raised is None else min(configured, self._raised)

    def raise_to(self, level: str) -> None:
        """Show all modules from at least this level on, whatever is configured."""
        self._raised = _number(level)
        self._loggers.clear()

    def restore(self) -> None:
        """Show what is configured."""
        self._raised = None
        self._loggers.clear()

    def logger(self, logger: Any, processors: Any, context: Any) -> FilteringBoundLogger:  # noqa: ANN401  structlog's
        """Make a logger that filters by the level of its module; structlog calls it for each line."""
        module = logger.name or ""
        make = self._loggers.get(module)
        if make is None:
            make = self._loggers[module] = cast("Any", structlog.make_filtering_bound_logger(self.of(module)))
        return cast("FilteringBoundLogger", make(logger, processors, context))


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]
