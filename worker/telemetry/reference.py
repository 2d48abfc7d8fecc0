"""Generates docs/metrics.md: ``python -m worker.telemetry.reference > docs/metrics.md``."""

from __future__ import annotations

import sys

from worker.telemetry.definition import PREFIX, Definition
from worker.telemetry.definitions import DEFINITIONS

HEAD = f"""\
# Metrics

Served at `/metrics` of the admin server. Every name begins with `{PREFIX}`; in addition there are the usual
`process_*` and `python_gc_*`. No label ever contains anything from a record.

<!-- Generated from worker/telemetry/definitions.py by `python -m worker.telemetry.reference`: change it
there. -->

| name | kind | labels | meaning | what to do |
|---|---|---|---|---|
"""


ALARMS_HEAD = """
## What to alert on

| alert | for | meaning |
|---|---|---|
"""
ALARMS = (
    (
        f'max by (reason) ({PREFIX}not_ready{{reason!="draining"}}) > 0',
        "5 min",
        "records are not being delivered: the label is the cause; `/ready` says since when and what to do",
    ),
    (f"{PREFIX}not_accepted_seconds > 120", "1 min", "records wait, and no call was accepted"),
    (
        f"{PREFIX}oldest_unsettled_age_seconds > 300",
        "5 min",
        "some records wait much longer than the linger, though others are delivered",
    ),
    (f"absent({PREFIX}build_info)", "5 min", "there is no worker at all"),
    (
        f"{PREFIX}throttled_seconds > 600",
        "",
        "the quota is not what is configured, or another program uses it too",
    ),
    (f"{PREFIX}calls_failed_ratio > 0.2", "5 min", "many calls fail, though some are accepted"),
    (f"{PREFIX}credentials_end_seconds < 300", "", "the keys are not renewed"),
)
ALARMS_NOTE = """
`oldest_unsettled_age_seconds` and `not_accepted_seconds` only cover records that were received. They stay at
0 when there are none: a hold or missing keys before the first record came, a partition that returns nothing,
no partitions, Kafka unreachable. In each of these cases `not_ready` is 1, with `hold`, `credentials`,
`no_partitions` or `kafka` as its reason, which is why it comes first. A hold that nobody can confirm because
no records come is no alert: it is `hold_unconfirmed`.

The chart has rules for all of these and more, with bounds, objective and severity: each has a
[runbook](runbooks/README.md).
"""


def markdown() -> str:
    """Return the whole page."""
    rows, alarms = map(_row, DEFINITIONS), (_cells(f"`{what}`", *more) for what, *more in ALARMS)
    return "".join((HEAD, *rows, ALARMS_HEAD, *alarms, ALARMS_NOTE))


def _row(definition: Definition) -> str:
    labels = ", ".join(f"`{label}`" for label in definition.labels)
    return _cells(f"`{definition.name}`", definition.kind, labels, definition.meaning, definition.action)


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
