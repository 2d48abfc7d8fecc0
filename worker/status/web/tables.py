"""The tables: the partitions, those in trouble first, and the dead letters by reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.status.web.markup import Markup, element
from worker.status.words import ago, amount, waiting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.core.model.worker_status import PartitionStatus, WorkerStatus

# What a person takes in at once. The others of those that the status has are one click away.
_SHOWN: Final = 12
_CALM: Final = frozenset({"nothing", "linger", "in_flight"})
_STUCK: Final = frozenset({"hold", "kafka", "kinesis"})
# Below this the wait is how the worker works, whatever it waits for.
_LONG_SECONDS: Final = 10.0


def partitions(status: WorkerStatus) -> Markup:
    """Return the section of the partitions, or shards."""
    word = "Shards" if status.source == "kinesis" else "Partitions"
    first, rest = status.partitions[:_SHOWN], status.partitions[_SHOWN:]
    others = status.partitions_total - len(status.partitions)
    return element(
        "section.partitions",
        element("h2", word, element("span.count", amount(status.partitions_total)), id="partitions-h"),
        _partition_table(word, first, word) if first else element("p.none", "None assigned to this worker."),
        _rest(word, rest) if rest else None,
        element("p.none", f"{amount(others)} others, none of them worse") if others > 0 else None,
        aria_labelledby="partitions-h",
    )


def _rest(word: str, rest: Sequence[PartitionStatus]) -> Markup:
    return element(
        "details",
        element("summary", f"{amount(len(rest))} more, none of them worse"),
        _partition_table(word, rest, f"More {word.lower()}"),
        id="more-partitions",
    )


def _partition_table(word: str, shown: Sequence[PartitionStatus], caption: str) -> Markup:
    heads = (
        element("th", word[:-1], scope="col"),
        element("th.number", "Behind", scope="col"),
        element("th.number", "Oldest", scope="col"),
        element("th", "Waits for", scope="col"),
        *(element("th.number.wide", each, scope="col") for each in ("Unsettled", "Committed", "End")),
    )
    return element(
        "table",
        element("caption.unseen", f"{caption}, those in trouble first"),
        element("thead", element("tr", *heads)),
        element("tbody", *map(_partition, shown)),
    )


def _partition(each: PartitionStatus) -> Markup:
    behind = amount(each.lag_records) if each.behind_seconds is None else ago(each.behind_seconds)
    offsets = (each.committed_offset, each.end_offset)
    return element(
        "tr",
        element("th", element("bdi", each.topic), element("span.of", f"[{each.partition}]"), scope="row"),
        element("td.number.behind", behind),
        element("td.number.age" if each.unsettled_records else "td.number.age.none", _oldest(each)),
        element(f"td.{_mood(each)}", element("bdi", waiting(each.waits_for))),
        element("td.number.wide", amount(each.unsettled_records)),
        *(element("td.number.wide", amount(offset)) for offset in offsets),
    )


def _oldest(each: PartitionStatus) -> str:
    if not each.unsettled_records:
        return "-"
    return ago(max(each.oldest_seconds, each.oldest_age_seconds or 0.0))


def _mood(each: PartitionStatus) -> str:
    """Choose how what it waits for is written: as usual, as worth a look, or as what stops it."""
    waits_for = each.waits_for
    if waits_for.cause in _STUCK and (waits_for.cause == "hold" or waits_for.seconds is not None):
        return "bad"
    is_long = (waits_for.seconds or each.oldest_seconds) >= _LONG_SECONDS
    return "care" if is_long and waits_for.cause not in _CALM else "calm"


def dead_letters(status: WorkerStatus) -> Markup:
    """Return the section of what was given up, or left out, since the start."""
    done = status.done
    lettered = {} if done is None else done.dead_lettered
    skipped = {} if done is None else done.skipped
    return element(
        "section.dead-letters",
        element(
            "h2", "Dead letters", element("span.count", amount(sum(lettered.values()))), id="dead-letters-h"
        ),
        _counts("Reason", "Dead letters by reason, since the start", lettered)
        or element("p.none", "None since the start."),
        _counts("Skipped by rule", "Skipped by rule, since the start", skipped),
        aria_labelledby="dead-letters-h",
    )


def _counts(head: str, caption: str, counts: Mapping[str, int]) -> Markup | None:
    rows = sorted((-count, word) for word, count in counts.items() if count)
    if not rows:
        return None
    most = -rows[0][0]
    return element(
        "table.counts",
        element("caption.unseen", caption),
        element(
            "thead",
            element(
                "tr",
                element("th", head, scope="col"),
                element("th.number", "Number", scope="col"),
                element("td.drawn"),
            ),
        ),
        element("tbody", *(_count(word, -count, -count / most) for count, word in rows)),
    )


def _count(word: str, count: int, part: float) -> Markup:
    drawn = element(
        "svg.bar",
        element("rect.used", width=f"{100 * part:.1f}", height="6"),
        viewBox="0 0 100 6",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
    return element(
        "tr",
        element("th", element("bdi", word.replace("_", " ")), scope="row"),
        element("td.number", amount(count)),
        element("td.drawn", drawn),
    )
