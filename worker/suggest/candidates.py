"""Finds for each field the places that look like it, the likeliest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.operations.put_events import PUT_EVENTS
from worker.suggest.plausibility import rate
from worker.suggest.vocabulary import name_score

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from worker.suggest.inventory import Facts, Inventory
    from worker.suggest.walking import Place

LIKELY: Final = 0.3
"""A candidate below this is not taken; it may be worth a comment."""
_WORTH_A_WORD: Final = 0.12
# A place that is in a few records only is less likely meant for all of them.
_FOR_BEING_THERE: Final = 0.4
# What stands deeper is more often about something else.
_A_LEVEL: Final = 0.01
# A row as it was before a change.
_FORMER: Final = frozenset({"before", "previous", "old"})
_FOR_BEING_FORMER: Final = 0.4
# As trackers write that there is none.
_SENTINELS: Final = frozenset({"-1"})
_ALMOST_ALL: Final = 0.9
_HARDLY_TWICE: Final = 0.5
_OF_OBJECTS: Final = frozenset({"properties"})
_OF_ARRAYS: Final = frozenset({"impression"})


class Candidate(Struct, frozen=True):
    """A place that looks like a field."""

    field: str
    place: Place
    score: float
    distinct: int
    indexes: frozenset[int]
    """The records that have something there."""
    unit: str = ""
    patterns: tuple[str, ...] = ()
    """Of a time that is read by no unit: the patterns that read it."""
    is_by_values: bool = False
    """Whether its name says nothing of the field, but its values do."""
    sentinels: tuple[str, ...] = ()
    """Texts that stand there for nothing."""
    is_time: bool = False
    """Of an id: it is the time when something began, which others may share."""

    @property
    def records(self) -> int:
        """Count the records that have something there."""
        return len(self.indexes)

    @property
    def path(self) -> str:
        """As a mapping names it."""
        return self.place.path


def find_candidates(inventory: Inventory) -> Mapping[str, Sequence[Candidate]]:
    """Return the candidates of each field, the likeliest first."""
    return {field.name: _candidates(field.name, inventory) for field in PUT_EVENTS.fields}


def _candidates(field: str, inventory: Inventory) -> list[Candidate]:
    found = [
        candidate
        for facts in _facts(field, inventory)
        if (candidate := _candidate(field, facts, inventory.documents)).score >= _WORTH_A_WORD
    ]
    if field == "sent_at" and not any(each.score >= LIKELY for each in found):
        found += _times_by_values(inventory)
    return sorted(found, key=lambda each: (-each.score, -each.records, len(each.path), each.path))


def _times_by_values(inventory: Inventory) -> list[Candidate]:
    """Return the places that hold nothing but times, and hardly one twice; if there is one, it is likely."""
    found = []
    for facts in inventory.scalars.values():
        is_new = facts.distinct() >= facts.records * _HARDLY_TWICE
        if not is_new or facts.records < inventory.documents * _ALMOST_ALL:
            continue
        rating = rate("sent_at", facts.values)
        # A number of nine or ten digits may be anybody's id.
        if rating.score >= _ALMOST_ALL and rating.unit != "seconds":
            found.append((facts, rating))
    score = LIKELY if len(found) == 1 else _WORTH_A_WORD
    return [
        Candidate(
            "sent_at",
            facts.place,
            score,
            facts.distinct(),
            frozenset(facts.indexes),
            rating.unit,
            rating.patterns,
            is_by_values=True,
        )
        for facts, rating in found
    ]


def _facts(field: str, inventory: Inventory) -> Iterable[Facts]:
    if field in _OF_OBJECTS:
        return inventory.objects.values()
    if field in _OF_ARRAYS:
        return inventory.arrays.values()
    return inventory.scalars.values()


def _candidate(field: str, facts: Facts, documents: int) -> Candidate:
    named = name_score(field, facts.place.names)
    if not named:
        return Candidate(field, facts.place, 0.0, 0, frozenset())
    sentinels = tuple(sorted(_SENTINELS & set(map(str, facts.values)))) if field.endswith("_id") else ()
    values = [value for value in facts.values if str(value) not in sentinels] if sentinels else facts.values
    rating = rate(field, values)
    there = 1 - _FOR_BEING_THERE + _FOR_BEING_THERE * facts.records / documents
    deep = 1 - _A_LEVEL * (len(facts.place.names) - 1)
    former = _FOR_BEING_FORMER if _FORMER.intersection(facts.place.names) else 1.0
    return Candidate(
        field,
        facts.place,
        named * rating.score * there * deep * former,
        facts.distinct(),
        frozenset(
            index
            for index, value in zip(facts.indexes, facts.values, strict=True)
            if str(value) not in sentinels
        ),
        rating.unit,
        rating.patterns,
        sentinels=sentinels,
        is_time=field == "session_id" and rate("sent_at", values).score >= _ALMOST_ALL,
    )
