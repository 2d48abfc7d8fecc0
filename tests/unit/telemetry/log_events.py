"""What the worker logs, read from its source.

``python -m tests.unit.telemetry.log_events > docs/log-events.md`` makes the page.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeGuard

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT: Final = Path(__file__).parents[3]
_EVENT: Final = re.compile(r"[a-z_]+\.[a-z_]+")
LEVELS: Final = ("debug", "info", "warning", "error", "critical", "exception", "log")
HEAD: Final = """\
# Log events

Every event that the worker logs, by the module that logs it. `log.levels` takes these names, or that of a
package for all modules in it, such as `worker.sources.kafka`. [Logs](logs.md) explains levels and format.

<!-- Generated from the source by `python -m tests.unit.telemetry.log_events`: change it there. -->

| module | event | level | keys |
|---|---|---|---|
"""


class Event(Struct, frozen=True, order=True):
    """One event at one place."""

    module: str
    name: str
    level: str
    keys: tuple[str, ...]


def logging_modules() -> set[str]:
    """All modules that have a logger of their own."""
    return {name for name, tree in _modules() if any(_is_logger(each) for each in ast.walk(tree))}


def events() -> list[Event]:
    """All events."""
    return sorted({each for name, tree in _modules() for each in _events(name, tree)})


def markdown() -> str:
    """The page."""
    lines = [
        f"| `{each.module}` | `{each.name}` | {each.level} | {', '.join(f'`{key}`' for key in each.keys)} |\n"
        for each in events()
    ]
    return HEAD + "".join(lines)


def _modules() -> Iterator[tuple[str, ast.Module]]:
    """Those that may log."""
    for path in sorted((PROJECT / "worker").rglob("*.py")):
        text = path.read_text()
        if "structlog.get_logger" in text:
            parts = path.relative_to(PROJECT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), ast.parse(text)


def _is_logger(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node) == "log = structlog.get_logger(__name__)"


def _events(module: str, tree: ast.Module) -> Iterator[Event]:
    loose = _loose_names(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        of, level = node.func.value, node.func.attr
        if not isinstance(of, ast.Name) or of.id != "log" or level not in LEVELS:
            continue
        words = node.args[1] if level == "log" else node.args[0]
        keys = tuple(each.arg for each in node.keywords if each.arg is not None)
        said = {"log": "as it comes", "exception": "error"}.get(level, level)
        for name in _texts(words) or loose:
            yield Event(module, name, said, keys)


def _texts(node: ast.expr) -> list[str]:
    """The texts that an expression may be; none if that is a name's."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp():
            return [*_texts(node.body), *_texts(node.orelse)]
    return []


def _loose_names(tree: ast.Module) -> list[str]:
    """The names of events that a module hands to a function of its own, which logs them."""
    logged = {ast.unparse(call.args[0]) for call in ast.walk(tree) if _is_log(call) and call.args}
    handed = [
        argument
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and not _is_log(call)
        for argument in call.args
    ]
    defaults = [
        default for each in ast.walk(tree) if isinstance(each, ast.arguments) for default in each.defaults
    ]
    texts = [text for each in (*handed, *defaults) for text in _texts(each)]
    return [text for text in texts if _EVENT.fullmatch(text) and repr(text) not in logged]


def _is_log(node: ast.AST) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "log"
    )


if __name__ == "__main__":
    sys.stdout.write(markdown())
