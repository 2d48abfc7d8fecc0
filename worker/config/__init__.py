"""The only reader of YAML and environment: it returns one frozen tree, or every mistake at once.

The file is read first, and the environment overrides it (``WORKER_KAFKA__TOPICS``). A preset that the mapping
names completes the result, which is checked against ``worker.settings``, and then against the rules between
keys. No text that was given is ever shown.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from worker.config.environment import read_environment
from worker.config.file import read_file, read_yaml
from worker.config.mistakes import ConfigError, Mistake
from worker.config.names import TOP, dotted, known_keys, sections
from worker.config.presets import complete_from_preset
from worker.config.raw_settings import RawSettings
from worker.config.record_source import CONDITIONS, needed_by
from worker.config.rules import broken_rules
from worker.config.validation import validate
from worker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

NO_FILE = (
    "no file was given; --config FILE names one, and the project's config/minimal.yaml has the least it needs"
)
"""What to add when the environment alone was not enough."""

__all__ = [
    "NO_FILE",
    "ConfigError",
    "Mistake",
    "Override",
    "known_keys",
    "read_settings",
    "read_yaml",
    "schema",
]


class Override(Struct, frozen=True):
    """A key that the command line gives."""

    section: str
    key: str
    value: object
    option: str


def read_settings(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    stand_ins: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
    overrides: Iterable[Override] = (),
) -> Settings:
    """Return the settings of the file, overridden by the environment, and that by the command line.

    Args:
        path: the file, if there is one.
        environ: the environment of the process.
        stand_ins: values by section and key, for required keys that a command can do without.
        overrides: what the command line gives.

    Raises:
        ConfigError: with all mistakes; if the file can't be read, only with that one.
    """
    given = RawSettings()
    if path is not None:
        read_file(path, given)
    read_environment(environ, given)
    _stand_in(given, stand_ins)
    for each in overrides:
        given.override(each.section, each.key, each.value, each.option)
    complete_from_preset(given)
    values = validate(given)
    # A list of which an item is wrong is not missing.
    wrong = {name for mistake in given.mistakes for name in (mistake.key, mistake.key.partition("[")[0])}
    for key, reason in broken_rules(values):
        if key not in wrong:
            given.mistake(key, reason)
    if values["tracing"].get("enabled"):
        from worker.config.tracing import tracing_mistakes  # noqa: PLC0415  where it is off, nothing of it is loaded

        for name, reason in tracing_mistakes(environ):
            given.mistake(name, reason)
    # A topic that is listed twice, for instance in a list joined from two, means the same as once.
    if isinstance(topics := values["kafka"].get("topics"), list):
        values["kafka"]["topics"] = list(dict.fromkeys(topics))
    if given.mistakes:
        raise ConfigError(given.mistakes)
    return msgspec.convert(values.pop(TOP) | values, Settings)


def _stand_in(given: RawSettings, stand_ins: Mapping[str, Mapping[str, object]]) -> None:
    """Put what is needed and was not given; what the other kind of source needs is left out."""
    needed = needed_by(str(given.sections.get(TOP, {}).get("source", "kafka")))
    for section, keys in stand_ins.items():
        for key, value in keys.items():
            is_needed = sections()[section][key].required or dotted(section, key) in needed
            if is_needed and key not in given.sections.get(section, {}):
                given.put(section, key, value)


def schema() -> bytes:
    """Return the JSON schema of the file, from the types of ``worker.settings``, for editors and for CI."""
    tree = msgspec.json.schema(Settings)
    tree["$defs"]["Settings"] |= CONDITIONS
    tree = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "personalize-worker"} | tree
    return msgspec.json.format(msgspec.json.encode(tree), indent=2) + b"\n"
