"""What file and environment give, before it is checked: values, and where each came from."""

from __future__ import annotations

import re

from worker.config.mistakes import Mistake


class Given:
    """Values as they were written, their places, and the mistakes found so far."""

    def __init__(self) -> None:
        """Begin with nothing given."""
        self.sections: dict[str, dict[str, object]] = {}
        self.places: dict[str, str] = {}
        self.mistakes: list[Mistake] = []

    def put(self, section: str, key: str, value: object) -> None:
        """Set a key, as the file does."""
        self.sections.setdefault(section, {})[key] = value

    def override(self, section: str, key: str, value: object, place: str) -> None:
        """Set a key over what was given before; what stood within it is gone."""
        name = f"{section}.{key}"
        self.places = {each: at for each, at in self.places.items() if not each.startswith(f"{name}.")}
        self.places[name] = place
        self.put(section, key, value)

    def override_entry(self, section: str, key: str, entry: str, value: object, place: str) -> None:
        """Set one entry of a key that is a mapping; what is no mapping makes way."""
        before = self.sections.get(section, {}).get(key)
        self.put(section, key, (before if isinstance(before, dict) else {}) | {entry: value})
        self.places[f"{section}.{key}.{entry}"] = place

    def note_place(self, name: str, place: str) -> None:
        """Remember where a key stands."""
        self.places[name] = place

    def mistake(self, key: str, reason: str, place: str | None = None) -> None:
        """Add a mistake; its place is the key's, or that of the nearest key around it."""
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
    """A key as far as it can be a name: YAML takes all of ``{sasl.password:secret}`` for one."""
    return re.sub(r"[^\w.\[\]$^-].*", "...", key, flags=re.DOTALL)
