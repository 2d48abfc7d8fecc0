"""Writes a suggestion as commented YAML, ready to be pasted under ``record:``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker.suggest import Suggestion
    from worker.suggest.candidates import Candidate
    from worker.suggest.choosing import Choice
    from worker.suggest.presets import Fit
    from worker.suggest.unused import Unused

_WIDTH: Final = 108
_MOST_UNUSED: Final = 40
# What YAML takes for text without quotes, in a flow mapping as well.
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*(\[[A-Za-z0-9_*=.\-]+\][A-Za-z0-9_.\-]*)*")
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_TODO: Final = {
    "user_id": "events without a user train little: name its path if there is one",
    "item_id": "events without an item train no recommender of items: name its path if there is one",
    "event_id": "derived from topic, partition and offset, which is as good",
}


def write(
    suggestion: Suggestion,
    *,
    sample: str,
    documents: int,
    fits: Sequence[Fit],
    record_format: Mapping[str, object],
) -> str:
    """Return the YAML.

    Args:
        suggestion: what to write.
        sample: where the records came from.
        documents: how many of them could be decoded.
        fits: the presets that fit best, if any does.
        record_format: the other keys of ``record`` that the records need to be read.
    """
    return "".join(f"{line}\n" for line in _lines(suggestion, sample, documents, fits, record_format))


def _lines(
    suggestion: Suggestion,
    sample: str,
    documents: int,
    fits: Sequence[Fit],
    record_format: Mapping[str, object],
) -> Iterator[str]:
    plan, verdict = suggestion.plan, suggestion.verdict
    yield from _comment(
        f"Suggested by `personalize-worker try --suggest` from {documents:,} records of {sample}."
    )
    events = "" if verdict.events == verdict.records else f", to {verdict.events:,} events"
    yield from _comment(f"With it {verdict.records:,} of {documents:,} records map{events}.")
    for reason, count in verdict.reasons:
        yield from _comment(f"dead letters, {count:,}: {reason}")
    if fits:
        named = " and ".join(f"`{each.name}` ({each.title})" for each in fits)
        yield from _comment(
            f"Made for {fits[0].records:,} of them: the preset {named}. To take it, and to add only what is "
            f"different: `mapping: {{preset: {fits[0].name}}}`."
        )
    yield from (f"{key}: {_yaml(value)}" for key, value in record_format.items())
    yield "mapping:"
    if (each := plan.fan_out.directive()) is not None:
        yield from _comment("An event for each element; a record without any is one event.", "  ")
        yield f"  each: {_yaml(each)}"
    for choice in plan.choices:
        yield from _field(choice, documents)
    for field, candidates in plan.missing:
        todo = f"; {_TODO[field]}" if field in _TODO else ""
        yield from _comment(
            f"{field}: nothing sure{todo}" if candidates else f"{field}: nothing found{todo}", "  "
        )
        yield from _may_be_it(candidates, "may be it")
    yield from _unused(suggestion.unused, documents)


def _unused(places: Sequence[Unused], documents: int) -> Iterator[str]:
    if places:
        yield from _comment("What else the records hold, to name what was not found:", "  ")
    for each in places[:_MOST_UNUSED]:
        figures = f"in {each.records:,} of {documents:,} records, {each.distinct:,} distinct"
        yield from _comment(f"- {each.path}: {figures}; {each.kind}", "  ")
    if (more := len(places) - _MOST_UNUSED) > 0:
        yield from _comment(f"and {more:,} more", "  ")


def _field(choice: Choice, documents: int) -> Iterator[str]:
    if choice.advice:
        yield from _comment(choice.advice, "  ")
    for candidate in choice.chosen:
        yield from _comment(_figures(candidate, documents), "  ")
    yield from _may_be_it(choice.runners_up)
    yield f"  {choice.field}: {_yaml(choice.source)}"


def _may_be_it(candidates: Sequence[Candidate], how: str = "may be it, too") -> Iterator[str]:
    if candidates:
        others = ", ".join(
            f"{each.path} ({each.records:,}; {each.distinct:,} distinct)" for each in candidates
        )
        yield from _comment(f"{how}: {others}", "  ")


def _figures(candidate: Candidate, documents: int) -> str:
    figures = f"{candidate.path}: in {candidate.records:,} of {documents:,} records"
    return f"{figures}, {candidate.distinct:,} distinct"


def _comment(text: str, indent: str = "") -> Iterator[str]:
    """Yield a comment, in as many lines as it takes; nothing can end it before its end."""
    line = f"{indent}#"
    for word in " ".join(
        each if each.isprintable() else json.dumps(each)[1:-1] for each in text.split()
    ).split(" "):
        if len(line) + len(word) > _WIDTH and not line.endswith("#"):
            yield line
            line = f"{indent}#"
        line += f" {word}"
    yield line


def _yaml(value: object) -> str:
    """Return a value in YAML's flow style."""
    match value:
        case None:
            return "null"
        case dict():
            return "{" + ", ".join(f"{_yaml(name)}: {_yaml(each)}" for name, each in value.items()) + "}"
        case list() | tuple():
            return f"[{_sequence(value)}]"
        case str() if _PLAIN.fullmatch(value) and value.lower() not in _WORDS and not _flow(value):
            return value
        case str():
            return "'" + value.replace("'", "''") + "'"
        case _:
            return json.dumps(value)


def _flow(text: str) -> bool:
    """Whether brackets stand in it, which mean a list within one."""
    return "[" in text


def _sequence(values: Sequence[object]) -> str:
    return ", ".join(map(_yaml, values))
