"""Takes an inventory of a sample: which places there are, and what stands at each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.formats.protocol import UnusableNumber
from worker.suggest.walking import Place, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Objects whose names are ids would otherwise have a place for each user.
_MOST_PLACES: Final = 5_000


class Facts:
    """What is known of one place.

    Args:
        place: where it is.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.values: list[object] = []
        """Of each record that has something there, the first value."""
        self.indexes: list[int] = []
        """Which records these are, from 0."""

    def add(self, index: int, value: object) -> None:
        """Note what a record has there."""
        self.indexes.append(index)
        self.values.append(value)

    @property
    def records(self) -> int:
        """Count the records that have something there."""
        return len(self.values)

    def distinct(self) -> int:
        """Count the different values."""
        return len({repr(value) for value in self.values})


class Inventory:
    """The places of a sample's documents, by their paths.

    Args:
        documents: the decoded records.
    """

    def __init__(self, documents: Iterable[Mapping[str, object]]) -> None:
        self.scalars: dict[str, Facts] = {}
        self.objects: dict[str, Facts] = {}
        self.arrays: dict[str, Facts] = {}
        self.documents = 0
        for document in documents:
            self._add(document)

    def add_scalar(self, place: Place, index: int, value: object) -> None:
        """Note what a record has outside its document, such as a header."""
        self.scalars.setdefault(place.path, Facts(place)).add(index, value)

    def _add(self, document: Mapping[str, object]) -> None:
        index = self.documents
        self.documents += 1
        seen: set[str] = set()
        for place, value in walk(document):
            kind = self._kind(value)
            if kind is None or place.path in seen:
                continue
            seen.add(place.path)
            if place.path not in kind and self._count() >= _MOST_PLACES:
                continue
            kind.setdefault(place.path, Facts(place)).add(index, value)

    def _kind(self, value: object) -> dict[str, Facts] | None:
        match value:
            case dict():
                return self.objects if value else None
            case list():
                return self.arrays if value else None
            case None | "" | bytes() | UnusableNumber():
                return None
            case _:
                return self.scalars

    def _count(self) -> int:
        return len(self.scalars) + len(self.objects) + len(self.arrays)
