"""Chooses a place for each field; what could not be found, and what was chosen in its place, is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.mapping.times import AUTO
from worker.core.operations.put_events import PUT_EVENTS
from worker.suggest.candidates import LIKELY, Candidate
from worker.suggest.fan_out import FanOutPlan, plan_fan_out
from worker.suggest.vocabulary import name_score, squashed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MOST_RUNNERS_UP: Final = 3
_MOST_SOURCES: Final = 4
# From here on a place may stand in where the first one is empty. Not who has no account for who has one.
_STANDS_IN: Final = {"session_id": LIKELY, "user_id": 0.6, "item_id": 0.45, "sent_at": 0.5, "event_type": 0.5}
_SURE: Final = 0.8
_WANTED: Final = frozenset({"event_type", "sent_at", "session_id", "user_id", "item_id"})
CONSTANT_EVENT_TYPE: Final = "interaction"


class Choice(Struct, frozen=True):
    """What stands in the mapping for one field, and why."""

    field: str
    source: object
    """As the mapping has it; None: the field is turned off."""
    chosen: tuple[Candidate, ...] = ()
    runners_up: tuple[Candidate, ...] = ()
    advice: str = ""
    """What to look at, or to do."""


class Plan(Struct, frozen=True):
    """A whole mapping."""

    fan_out: FanOutPlan
    choices: tuple[Choice, ...]
    missing: tuple[tuple[str, tuple[Candidate, ...]], ...] = ()
    """The optional fields of which nothing likely was found, with what may be it all the same."""

    @property
    def lacks(self) -> bool:
        """Whether a place has yet to be named of a field that a recommender can hardly do without."""
        found = {choice.field for choice in self.choices if choice.chosen}
        return not found >= _WANTED

    def mapping(self) -> dict[str, object]:
        """Return it as ``record.mapping``."""
        each = self.fan_out.directive()
        fields = {choice.field: choice.source for choice in self.choices}
        return fields if each is None else {"each": each, **fields}


def choose(candidates: Mapping[str, Sequence[Candidate]], documents: int) -> Plan:
    """Choose for every field."""
    fan_out = plan_fan_out(candidates)
    plan = _plan(candidates, fan_out, documents)
    depth = max((len(each.place.arrays) for each in _all_chosen(plan) if fan_out.reaches(each)), default=0)
    if depth < len(fan_out.arrays):
        # Nothing was chosen of its elements after all, and events that are all the same are none.
        plan = _plan(candidates, fan_out.outer(depth), documents)
    return plan


def _all_chosen(plan: Plan) -> Iterator[Candidate]:
    for choice in plan.choices:
        yield from choice.chosen


def _plan(candidates: Mapping[str, Sequence[Candidate]], fan_out: FanOutPlan, documents: int) -> Plan:
    first = _first_choices(candidates, fan_out)
    used = {candidate.path for candidate in first.values()}
    choices = []
    for field in (each.name for each in PUT_EVENTS.fields):
        if field in first:
            rest = [each for each in candidates[field] if each.path not in used]
            choices.append(_choice(first, field, rest, fan_out, documents))
        elif (stand_in := _stand_in(field, first, fan_out, candidates[field])) is not None:
            choices.append(stand_in)
    chosen = {choice.field for choice in choices}
    missing = tuple(
        (
            field.name,
            tuple(each for each in candidates[field.name] if each.path not in used)[:_MOST_RUNNERS_UP],
        )
        for field in PUT_EVENTS.fields
        if field.name not in chosen
    )
    return Plan(fan_out, tuple(choices), missing)


def _first_choices(
    candidates: Mapping[str, Sequence[Candidate]], fan_out: FanOutPlan
) -> dict[str, Candidate]:
    """Give each field its likeliest place, and no place to two fields."""
    ranked = sorted(
        (candidate for each in candidates.values() for candidate in each),
        key=lambda each: (-fan_out.score(each), each.path, each.field),
    )
    first: dict[str, Candidate] = {}
    used: set[str] = set()
    for candidate in ranked:
        if fan_out.score(candidate) < LIKELY or candidate.field in first or candidate.path in used:
            continue
        first[candidate.field] = candidate
        used.add(candidate.path)
    return first


def _choice(
    first: Mapping[str, Candidate],
    field: str,
    rest: Sequence[Candidate],
    fan_out: FanOutPlan,
    documents: int,
) -> Choice:
    chosen = [first[field], *_fall_backs(first[field], rest, fan_out)]
    if field == "item_id":
        # What an element says of itself counts before what the record says.
        chosen.sort(key=lambda each: -len(each.place.arrays))
    runners_up = tuple([each for each in rest if each not in chosen][:_MOST_RUNNERS_UP])
    if field == "sent_at":
        return _time(chosen, runners_up, fan_out, documents)
    paths: list[object] = [fan_out.path(each) for each in chosen]
    advice = _said(chosen[0])
    if first[field].is_time and (owner := _owner(first, rest)):
        paths[0] = {"join": [fan_out.path(owner), paths[0]], "separator": "-"}
        advice = "the session's id is a time, which others may share: only with whose it is does it name one"
    if field == "session_id" and (user := _user_without_session(first, chosen)) is not None:
        paths.append(fan_out.path(user))
        advice = "; ".join(
            filter(None, (advice, "where there is no session, the user's id stands in for it"))
        )
    source: object = paths[0] if len(paths) == 1 else paths
    if field == "properties" and fan_out.is_over_items and not chosen[0].place.arrays:
        source = [fan_out.innermost(), *paths]
    if sentinels := sorted({text for each in chosen for text in each.sentinels}):
        source = {"path": source, "absent": sentinels}
    return Choice(field, source, tuple(chosen), runners_up, advice)


def _owner(first: Mapping[str, Candidate], rest: Sequence[Candidate]) -> Candidate | None:
    """Return whose session it is, known or not."""
    return next((each for each in rest if each.score >= LIKELY), None) or first.get("user_id")


def _user_without_session(first: Mapping[str, Candidate], chosen: Sequence[Candidate]) -> Candidate | None:
    """Return the user, if records without any session have one."""
    user = first.get("user_id")
    covered = frozenset[int]().union(*(each.indexes for each in chosen))
    return None if user is None or user.indexes <= covered else user


def _said(candidate: Candidate) -> str:
    named = name_score("session_id", candidate.place.names)
    if candidate.field == "session_id" and named < _SURE and "session" not in candidate.path.lower():
        return "no session of its own was found, and this stands in for it"
    return ""


def _fall_backs(primary: Candidate, rest: Sequence[Candidate], fan_out: FanOutPlan) -> Iterator[Candidate]:
    """Yield what stands in, in turn, for records of which the places before have nothing."""
    covered, count = set(primary.indexes), 1
    for each in rest:
        is_likely = fan_out.score(each) >= _STANDS_IN.get(each.field, 1.0) and _may_follow(primary, each)
        if (
            count < _MOST_SOURCES
            and is_likely
            and (not each.indexes <= covered or _may_be_lacked(each, fan_out))
        ):
            yield each
            covered |= each.indexes
            count += 1


def _may_follow(primary: Candidate, other: Candidate) -> bool:
    """Whether it means the same: ``type`` is something else than ``event``, and ``data.event`` is not."""
    last = squashed(primary.place.names[-1]), squashed(other.place.names[-1])
    return primary.field != "event_type" or last[0] == last[1] or name_score("event_type", last[1:]) >= _SURE


def _may_be_lacked(other: Candidate, fan_out: FanOutPlan) -> bool:
    """Whether an element may lack an item although its record has one: of another element, or of its own."""
    return other.field == "item_id" and fan_out.is_over_items and fan_out.reaches(other)


def _time(
    chosen: Sequence[Candidate], runners_up: Sequence[Candidate], fan_out: FanOutPlan, documents: int
) -> Choice:
    units = {each.unit for each in chosen}
    unit = units.pop() if len(units) == 1 else AUTO
    paths = [fan_out.path(each) for each in chosen]
    advice = ""
    if len(frozenset[int]().union(*(each.indexes for each in chosen))) < documents:
        paths.append("$timestamp")
        advice = "where it is missing, Kafka's timestamp counts"
    source: dict[str, object] = {"path": paths[0] if len(paths) == 1 else paths, "unit": unit}
    said = [advice]
    if patterns := chosen[0].patterns:
        # What stands in for it is written otherwise.
        own = [fan_out.path(each) for each in chosen if each.patterns == patterns]
        paths = [*own, *(path for path in paths if path == "$timestamp")]
        source = {"path": paths[0] if len(paths) == 1 else paths, "pattern": patterns[0]}
        said.append(f"or it is {' or '.join(patterns[1:])}: look at it" if patterns[1:] else "")
        said.append("taken for UTC" if "%z" not in patterns[0] else "")
    if chosen[0].is_by_values:
        said.append("found by its values; its name says nothing")
    return Choice("sent_at", source, tuple(chosen), tuple(runners_up), "; ".join(filter(None, said)))


def _stand_in(
    field: str, first: Mapping[str, Candidate], fan_out: FanOutPlan, rest: Sequence[Candidate]
) -> Choice | None:
    """Return what keeps the mapping usable where a required field was not found."""
    runners_up = tuple(rest[:_MOST_RUNNERS_UP])
    match field:
        case "event_type":
            advice = "NOT FOUND: every event gets this constant; name the path of the type, or the right word"
            if rest:
                advice += (
                    f"; codes become words: {{path: {fan_out.path(rest[0])}, values: {{1: view, 2: cart}}}}"
                )
            return Choice(field, {"value": CONSTANT_EVENT_TYPE}, (), runners_up, advice)
        case "sent_at":
            return Choice(
                field, "$timestamp", (), runners_up, "NOT FOUND: Kafka's timestamp stands in for it"
            )
        case "session_id" if "user_id" in first:
            advice = (
                "NOT FOUND: the user's id stands in for it, so that all records of a user are one session; "
                "better have the producer write a session id"
            )
            return Choice(field, fan_out.path(first["user_id"]), (), runners_up, advice)
        case "session_id":
            advice = "NOT FOUND: nothing maps without it; name its path, or have the producer write one"
            return Choice(field, "sessionId", (), runners_up, advice)
        case "properties" if fan_out.is_over_items:
            return Choice(field, fan_out.innermost(), (), runners_up, "what is known of the element")
        case _:
            return None
