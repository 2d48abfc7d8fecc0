"""Presets: mappings for shapes of records that many topics hold, one file each in ``worker/presets``.

A file has the shape of the section ``record``, and two keys of its own: ``title`` and ``match``. Where
``record.mapping`` names a preset, the section is completed from its file before anything is validated: what
the user wrote replaces the preset's mapping field by field and directive by directive, and the file's other
keys (``format``, ``columns``) are defaults. So the mapping's compiler knows nothing of presets, and a mistake
in what the user wrote has its own key and place.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import yaml
from msgspec import Struct

from worker.config.names import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from worker.config.raw_settings import RawSettings

KEY: Final = "preset"

_SUFFIX: Final = ".yaml"
_ROOM: Final = "presets"
# What a file has besides keys of the section ``record``.
_OWN_KEYS: Final = ("title", "match")
_DIRECTIVES: Final = ("unwrap", "each", "keep", "drop")


class Preset(Struct, frozen=True):
    """One file: a mapping, and how records of its shape are recognised."""

    name: str
    title: str
    """What it is for, in one line."""
    match: Mapping[str, object]
    """Paths at which something stands in a record of this shape; a value, if it is always the same."""
    record: Mapping[str, object]
    """Keys of the section ``record`` other than ``mapping``."""
    mapping: Mapping[str, object]
    text: str
    """The file as it is, with its comments."""

    def as_section(self) -> str:
        """Return the file as a section ``record`` to copy into a configuration, with its comments."""
        kept, ours = [], True
        for line in self.text.splitlines():
            if not line.startswith((" ", "#")):
                ours = line.partition(":")[0] not in _OWN_KEYS
            if ours:
                kept.append(f"  {line}" if line else "")
        return "\n".join(["record:", *kept, ""])


@cache
def preset_names() -> tuple[str, ...]:
    """Return the names of all presets, sorted."""
    found = (each.name for each in _room().iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX)))


@cache
def read_preset(name: str) -> Preset:
    """Return the preset of that name, which must be one of ``preset_names()``."""
    text = _room().joinpath(name + _SUFFIX).read_text(encoding="utf-8")
    tree = yaml.safe_load(text)
    record = {key: value for key, value in tree.items() if key not in (*_OWN_KEYS, "mapping")}
    return Preset(name, tree["title"], tree["match"], record, tree["mapping"], text)


def complete_from_preset(given: RawSettings) -> None:
    """Replace a mapping that names a preset by the whole mapping, and note an unknown name as a mistake."""
    section = given.sections.get("record", {})
    mapping = section.get("mapping")
    if not isinstance(mapping, dict) or KEY not in mapping:
        return
    own = {key: value for key, value in mapping.items() if key != KEY}
    name = mapping[KEY]
    if isinstance(name, str) and name in preset_names():
        preset = read_preset(name)
        section = dict(preset.record) | section
        own = _merged(preset.mapping, own)
    elif name is not None:
        known = nearest(name, preset_names()) if isinstance(name, str) else None
        given.mistake(
            f"record.mapping.{KEY}",
            "is not a preset" + (did_you_mean(known) or "; `personalize-worker presets` lists them"),
        )
    given.sections["record"] = section | {"mapping": own}


def _merged(preset: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """Return the preset's mapping with the user's over it; a directive that is null there is turned off."""
    merged = {**preset, **own}
    return {key: value for key, value in merged.items() if value is not None or key not in _DIRECTIVES}


def _room() -> Traversable:
    from importlib.resources import files  # noqa: PLC0415  only a mapping that names a preset needs it

    return files("worker").joinpath(_ROOM)
