"""``try --summary``: what many records mean for quota, sessions and dead letters."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker.commands.try_.counting import Counts
from worker.commands.try_.mappings import compiler
from worker.commands.try_.pace import call_times, pace_of
from worker.commands.try_.verdict import verdict
from worker.core.batching.age_limit import AgeLimit
from worker.replay.tables import aligned

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from worker.commands.try_.pace import Pace
    from worker.commands.try_.schema_fetching import SchemaFetching
    from worker.commands.try_.sources import Sample
    from worker.replay.tables import Row
    from worker.runtime.exit_codes import ExitCode
    from worker.settings import Settings

_SHOWN_REASONS: Final = 10
_ANY_SESSION: Final = {"value": "any"}


def summarise(
    settings: Settings, chosen: argparse.Namespace, fetching: SchemaFetching, sample: Sample
) -> ExitCode:
    """Read the records, print the summary, and return the exit code."""
    limits, compile_ = settings.limits, compiler(settings, fetching)
    age_limit = AgeLimit(limits.max_age_seconds or inf, limits.when_too_old)
    counts = Counts(
        time.time(),
        age_limit,
        compile_({**settings.record.mapping, "session_id": _ANY_SESSION}),
        by_event_time=chosen.file is not None,
    )
    map_record = compile_(settings.record.mapping)
    for each in sample.records:
        counts.add(each, map_record(each.record))
    if not counts.records:
        return verdict(0, 0, chosen.file)
    summary = _summary(counts, _pace(counts, settings, sample), settings, by_file=chosen.file is not None)
    if chosen.json:
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
    else:
        sys.stdout.write(aligned(list(_rows(summary))))
    return verdict(counts.records, counts.mapped, chosen.file)


def _pace(counts: Counts, settings: Settings, sample: Sample) -> Pace:
    """Return the pace over the time that all partitions cover, which were not read for equally long."""
    first, last = counts.first_at, counts.last_at
    began = [at for partition, at in first.items() if partition in sample.cut_before]
    ended = [at for partition, at in last.items() if partition in sample.cut_after]
    begin = max(began, default=min(first.values(), default=0.0))
    end = min(ended, default=max(last.values(), default=0.0))
    batching = settings.batching
    arrivals = [each for each in counts.arrivals if begin <= each.at <= end]
    return pace_of(call_times(arrivals, batching.linger_seconds, batching.max_events), begin, end)


def _summary(counts: Counts, pace: Pace, settings: Settings, *, by_file: bool) -> dict[str, Any]:
    quota = settings.personalize.requests_per_second
    calls = len(call_times(counts.arrivals, settings.batching.linger_seconds, settings.batching.max_events))
    return {
        "records": counts.records,
        "records_that_map": counts.mapped,
        "events": counts.events,
        "sessions": len(counts.sessions),
        "users": len(counts.users),
        "calls": calls,
        "events_per_call": round(counts.events / calls, 2) if calls else None,
        "pace": {
            "by": "event time" if by_file else "record timestamp",
            "from": _iso8601(pace.begin),
            "to": _iso8601(pace.end),
            "calls_per_second": _rounded(pace.mean),
            "busiest_minute_calls_per_second": _rounded(pace.busiest),
            "busiest_minute": None if pace.busiest_at is None else _iso8601(pace.busiest_at),
            "quota_calls_per_second": quota,
            "quota_share": _rounded(pace.mean, quota),
            "busiest_minute_quota_share": _rounded(pace.busiest, quota),
        },
        "dead_letters": [
            {"kind": kind, "text": text, "count": count, "first": counts.first[kind, text]}
            for (kind, text), count in counts.reasons.most_common()
        ],
        "skipped": dict(counts.skipped.most_common()),
        "events_without_user": counts.without_user,
        "events_without_item": counts.without_item,
        "events_without_own_id": counts.derived_ids,
        "repeated_event_ids": counts.repeated_ids,
        "users_without_session": counts.users_without_session,
        "events_in_future": counts.in_future,
        "events_a_day_late": None if by_file else counts.late,
        "too_old": None if settings.limits.max_age_seconds is None else counts.too_old,
    }


def _rows(summary: Mapping[str, Any]) -> Iterator[Row]:
    yield "records", summary["records"]
    yield "  that map", summary["records_that_map"]
    yield "events", summary["events"]
    yield "  without a user", summary["events_without_user"]
    yield "  without an item", summary["events_without_item"]
    yield "  without an id of their own", summary["events_without_own_id"]
    yield "  with an id that came before", summary["repeated_event_ids"]
    yield "  in the future, by 5 minutes or more", summary["events_in_future"]
    if (late := summary["events_a_day_late"]) is not None:
        yield "  a day or more before their record", late
    if (too_old := summary["too_old"]) is not None:
        yield "  of records older than limits.max_age_seconds", too_old
    yield "sessions", summary["sessions"]
    yield "users", summary["users"]
    yield "records with a user and no session", summary["users_without_session"]
    yield from _calls(summary)
    yield "dead letters", sum(each["count"] for each in summary["dead_letters"])
    for each in summary["dead_letters"][:_SHOWN_REASONS]:
        yield f"  {each['kind']}, first at {each['first']}", each["count"]
        yield f"    {each['text']}", ""
    if (more := len(summary["dead_letters"]) - _SHOWN_REASONS) > 0:
        yield f"  and {more} more reasons: see --json", ""
    yield "skipped", sum(summary["skipped"].values())
    yield from ((f"  {rule}", count) for rule, count in summary["skipped"].items())


def _calls(summary: Mapping[str, Any]) -> Iterator[Row]:
    pace = summary["pace"]
    yield "calls, as the worker batches with quota to spare", summary["calls"]
    yield "  events a call", _figure(summary["events_per_call"])
    yield f"  pace, by {pace['by']}", ""
    yield f"    from {pace['from']} to {pace['to']}", ""
    yield "    calls a second", _figure(pace["calls_per_second"])
    yield "      share of personalize.requests_per_second", _percent(pace["quota_share"])
    yield (
        f"    calls a second in the busiest minute, {pace['busiest_minute'] or ''}",
        _figure(pace["busiest_minute_calls_per_second"]),
    )
    yield "      share of personalize.requests_per_second", _percent(pace["busiest_minute_quota_share"])


def _figure(number: float | None) -> str:
    return "not known" if number is None else f"{number:,.2f}"


def _percent(share: float | None) -> str:
    return "not known" if share is None else f"{share:.1%}"


def _rounded(number: float | None, of: float = 1.0) -> float | None:
    return None if number is None else round(number / of, 4)


def _iso8601(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
