"""Reads the configuration of ``try``: the worker's own, or as little of one as records of a file need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker.config import ConfigError, Mistake, Override, read_settings, read_yaml
from worker.settings import RecordSettings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from worker.settings import Settings

# What a configuration needs for a worker, and records of a file don't.
_WITHOUT_SOURCE: Final[Mapping[str, Mapping[str, object]]] = {
    "kafka": {"bootstrap_servers": "127.0.0.1:1", "topics": ["records"]},
    "kinesis": {"streams": ["records"]},
    "personalize": {"tracking_id": "none"},
    "dead_letters": {"topic": "records.dead-letters"},
}
BESIDE_FILE: Final = (
    "such keys can stand in the file that --mapping names: "
    "record: {format: csv, columns: [user, item], mapping: {...}}"
)
"""What to add when a key is missing for records of a file."""
_KEYS: Final = frozenset(key.name for key in msgspec.structs.fields(RecordSettings))


def read_setup(chosen: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Return the settings as configured, with what the command line says of the mapping.

    Raises:
        ConfigError: lists every mistake.
    """
    stand_ins = _WITHOUT_SOURCE if chosen.file is not None else {}
    overrides = list(_overrides(chosen, _source(chosen, environ)))
    return read_settings(chosen.config, environ, stand_ins=stand_ins, overrides=overrides)


def _source(chosen: argparse.Namespace, environ: Mapping[str, str]) -> object:
    """Return where records come from, as far as it is readable before all is read."""
    if given := environ.get("WORKER_SOURCE"):
        return given
    try:
        tree = None if chosen.config is None else read_yaml(chosen.config)
    except ConfigError:
        return None  # It is told when the configuration is read.
    return tree.get("source") if isinstance(tree, dict) else None


def _overrides(chosen: argparse.Namespace, source: object) -> Iterator[Override]:
    given = {} if chosen.mapping is None else _record_section(chosen.mapping, read_yaml(chosen.mapping))
    mapping: dict[str, Any] | None = given.pop("mapping", None)
    for key, value in given.items():
        yield Override("record", key, value, f"--mapping {chosen.mapping}")
    if chosen.preset is not None:
        mapping = {**(mapping or {}), "preset": chosen.preset}
    if mapping is not None:
        yield Override("record", "mapping", mapping, _option(chosen))
    if chosen.topic is not None:
        place = ("kinesis", "streams") if source == "kinesis" else ("kafka", "topics")
        yield Override(*place, [chosen.topic], "--topic")
    if chosen.format is not None:
        yield Override("record", "format", chosen.format, "--format")


def _option(chosen: argparse.Namespace) -> str:
    return f"--preset {chosen.preset}" if chosen.mapping is None else f"--mapping {chosen.mapping}"


def _record_section(path: object, tree: object) -> dict[str, Any]:
    """Return the section ``record`` of a file, which is a configuration, that section, or its mapping."""
    if isinstance(tree, dict) and isinstance(record := tree.get("record"), dict):
        tree = record
    if not isinstance(tree, dict):
        reason = "must hold a mapping, such as `try --suggest` writes"
        raise ConfigError([Mistake(str(path), reason)])
    # A section need not have a mapping, and no field of a mapping has the name of one of its keys.
    return dict(tree) if tree.keys() & _KEYS else {"mapping": dict(tree)}
