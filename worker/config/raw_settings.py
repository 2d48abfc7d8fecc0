"""What file and environment give, before validation: the values, and where each came from."""

from __future__ import annotations

import re

from worker.config.mistakes import Mistake
from worker.config.names import dotted


class RawSettings:
    """The values as written, their positions, and the mistakes found so far."""

    def __init__(self) -> None:
        self.sections: dict[str, dict[str, object]] = {}
        self.places: dict[str, str] = {}
        self.mistakes: list[Mistake] = []

    def put(self, section: str, key: str, value: object) -> None:
        """Set a key, as the file does."""
        self.sections.setdefault(section, {})[key] = value

    def override(self, section: str, key: str, value: object, place: str) -> None:
        """Override a key; entries given for it before are dropped."""
        name = dotted(section, key)
        self.places = {each: at for each, at in self.places.items() if not each.startswith(f"{name}.")}
        self.places[name] = place
        self.put(section, key, value)

    def override_entry(self, section: str, key: str, entry: str, value: object, place: str) -> None:
        """Set one entry of a key that is a mapping; a value that is not a mapping is replaced."""
        before = self.sections.get(section, {}).get(key)
        self.put(section, key, (before if isinstance(before, dict) else {}) | {entry: value})
        self.places[f"{section}.{key}.{entry}"] = place

    def note_place(self, name: str, place: str) -> None:
        """Remember where a key was given."""
        self.places[name] = place

    def mistake(self, key: str, reason: str, place: str | None = None) -> None:
        """Add a mistake; its position is that of the key, or of the nearest enclosing key."""
        where = self._place(key) if place is None else place
        self.mistakes.append(Mistake(key=_name_of(key), reason=reason, where=where))

    def _place(self, key: str) -> str:
        name = re.sub(r"\[\d+\]", "", key)
        while name:
            if place := self.places.get(name):
                return place
            name = name.rpartition(".")[0]
        return ""


def _name_of(key: str) -> str:
    """Return the part of a key that can be a name: YAML reads all of ``{sasl.password:secret}`` as a key."""
    return re.sub(r"[^\w.\[\]$^-].*", "...", key, flags=re.DOTALL)
