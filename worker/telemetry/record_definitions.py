"""The metrics of what comes in, and of what leaves without being sent."""

from __future__ import annotations

from worker.telemetry.definition import Definition, one, words

RECORD_DEFINITIONS = (
    Definition(
        "records_received_total",
        "counter",
        "Records received from the topics.",
        "Flat while lag grows: see `paused`, `hold_active` and `/ready`.",
        lambda scrape: one(scrape.counts.records_received),
    ),
    Definition(
        "records_fanned_out_total",
        "counter",
        "Of those, records that hold several events.",
        "0 although `each` is mapped: the path leads to no array.",
        lambda scrape: one(scrape.counts.records_fanned_out),
    ),
    Definition(
        "elements_fanned_out_total",
        "counter",
        "The events of those. Received records, minus those that hold several, plus these: that many are "
        "accepted, dead-lettered or skipped in the end.",
        "Divided by `records_fanned_out_total`: events per record.",
        lambda scrape: one(scrape.counts.elements_fanned_out),
    ),
    Definition(
        "records_skipped_total",
        "counter",
        "Records skipped by a rule, such as tombstones, the filter, or `too_old`; if a record holds several "
        "events, each of them counts.",
        "More than expected: check the rule's part of the configuration. `too_old`: add quota.",
        lambda scrape: words(scrape.counts.records_skipped),
        ("rule",),
    ),
    Definition(
        "records_dead_lettered_total",
        "counter",
        "Dead letters that were written and acknowledged: of records, or of one of a record's several "
        "events.",
        "Read the dead letters of that reason; fix the producer or the mapping, then replay them. `too_old`: "
        "add quota.",
        lambda scrape: words(scrape.counts.records_dead_lettered),
        ("reason",),
    ),
)
