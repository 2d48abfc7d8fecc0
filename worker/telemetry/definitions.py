"""The table of all metrics: name, meaning, what to do about it, and where the value is read.

The exposition and docs/metrics.md are both generated from this table, so neither can miss a metric.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.model.snapshot import TROUBLES
from worker.telemetry.definition import Definition, one, words
from worker.telemetry.kinesis_definitions import KINESIS_DEFINITIONS
from worker.telemetry.record_definitions import RECORD_DEFINITIONS
from worker.telemetry.scaling_definitions import SCALING_DEFINITIONS
from worker.telemetry.sending_definitions import SENDING_DEFINITIONS

if TYPE_CHECKING:
    from worker.core.model.partition import Partition
    from worker.telemetry.definition import Scrape, Series


def _clock(scrape: Scrape) -> Series:
    if scrape.gauges.clock_ahead_seconds is not None:
        yield (), scrape.gauges.clock_ahead_seconds


def _words_of(partition: Partition) -> tuple[str, str]:
    return partition.topic, str(partition.number)


def _lags(scrape: Scrape) -> Series:
    for each in scrape.gauges.partitions:
        if each.lag_records is not None:
            yield _words_of(each.partition), each.lag_records


def _committed(scrape: Scrape) -> Series:
    for each in scrape.gauges.partitions:
        if isinstance(each.committed_offset, int):
            yield _words_of(each.partition), each.committed_offset


def _troubles(scrape: Scrape) -> Series:
    source = scrape.gauges.source
    if source.system != "kafka":
        return
    worst = dict.fromkeys(TROUBLES, 0.0)
    for each in source.troubles:
        worst[each.kind] = max(worst[each.kind], each.seconds)
    for kind, seconds in worst.items():
        yield (kind,), seconds


def _standing(scrape: Scrape) -> Series:
    for each in scrape.gauges.partitions:
        yield _words_of(each.partition), each.standing_seconds or 0.0


def _build(scrape: Scrape) -> Series:
    yield (scrape.build.version, scrape.build.python, scrape.build.librdkafka), 1


PARTITION = ("topic", "partition")

DEFINITIONS = (
    *RECORD_DEFINITIONS,
    Definition(
        "events_accepted_total",
        "counter",
        "Events that Personalize accepted; a repeated one counts again.",
        "Flat while records come in: see `calls_total` by outcome.",
        lambda scrape: one(scrape.counts.events_accepted),
    ),
    Definition(
        "calls_total",
        "counter",
        "PutEvents calls by outcome; each attempt counts.",
        "`throttled` above 1 %: the quota is set too high or shared with others. `fault` for long: network "
        "or API. `misconfigured`: see `hold_active`.",
        lambda scrape: words(scrape.counts.calls),
        ("outcome",),
    ),
    Definition(
        "call_errors_total",
        "counter",
        "Calls that were not accepted, by error code; codes outside the worker's table are `other`.",
        "Look the code up in the error table of the manual.",
        lambda scrape: words(scrape.counts.call_errors),
        ("code",),
    ),
    Definition(
        "call_seconds",
        "histogram",
        "Seconds from sending a call to its answer, for each attempt.",
        "Near the answer timeout: check the network path to the endpoint and the region.",
        lambda scrape: scrape.counts.call_seconds,
    ),
    Definition(
        "events_per_call",
        "histogram",
        "Events in each accepted call, 1 to 10.",
        "Near 1 while the quota is the limit: sessions are short; a longer linger fills the calls.",
        lambda scrape: scrape.counts.events_per_call,
    ),
    Definition(
        "record_age_seconds",
        "histogram",
        "Age of a record, by its own timestamp, when its event was accepted; counted per event.",
        "The delay that recommendations see. Growing: see `lag_records` and `rate_limit_calls_per_second`.",
        lambda scrape: scrape.counts.record_age_seconds,
    ),
    Definition(
        "unsettled_records",
        "gauge",
        "Records received that are not yet delivered, dead-lettered or skipped.",
        "Near `limits.max_unsettled_records`: sending is slower than receiving.",
        lambda scrape: one(scrape.gauges.unsettled_records),
    ),
    Definition(
        "unsettled_elements",
        "gauge",
        "Events that the unsettled records still hold; a record that holds only one counts as one.",
        "Far above `unsettled_records`: records hold many events; `unsettled_bytes` is their bound.",
        lambda scrape: one(scrape.gauges.unsettled_elements),
    ),
    Definition(
        "unsettled_bytes",
        "gauge",
        "Estimated memory of the unsettled records.",
        "Near `limits.max_unsettled_bytes`: as above; the pod's memory limit must be well above it.",
        lambda scrape: one(scrape.gauges.unsettled_bytes),
    ),
    Definition(
        "parked_records",
        "gauge",
        "Of the unsettled records, those whose partition waits for a schema of the registry.",
        "Above 0 for longer than a minute: see `hold_active` and `/ready`.",
        lambda scrape: one(scrape.gauges.parked_records),
    ),
    Definition(
        "oldest_unsettled_age_seconds",
        "gauge",
        "Seconds since the oldest unsettled record was received; 0 with none.",
        "Far above the linger: a session is stuck in retries, or a hold is active. It leaves out the time "
        "that a record waited in Kafka: see `oldest_unsettled_record_age_seconds`; alert on `not_ready` too.",
        lambda scrape: one(scrape.gauges.oldest_unsettled_age_seconds),
    ),
    Definition(
        "oldest_unsettled_record_age_seconds",
        "gauge",
        "Age of the oldest unsettled record by its own timestamp, accurate to a second; only the first "
        "records of each partition are considered. 0 with none.",
        "The best single alert: above the delay that recommendations may have, whether from retries, a hold, "
        "too little quota or a backlog. 0 while `lag_records` grows: Kafka sends nothing.",
        lambda scrape: one(scrape.gauges.oldest_unsettled_record_age_seconds),
    ),
    Definition(
        "rate_limit_calls_per_second",
        "gauge",
        "The most calls per second that the rate limiter allows: this pod's share, plus what it borrows, "
        "minus what throttling took away; 0 while held, except for probes.",
        "Far below share times `quota_calls_per_second`: see `throttled_seconds` and `hold_active`.",
        lambda scrape: one(scrape.gauges.rate_limit_calls_per_second),
    ),
    Definition(
        "rate_limit_borrowed_calls_per_second",
        "gauge",
        "The part of that limit which is above this pod's share, borrowed because other pods leave it "
        "unused.",
        "High on one pod for long: its partitions are hot; spread the keys.",
        lambda scrape: one(scrape.gauges.rate_limit_borrowed_calls_per_second),
    ),
    Definition(
        "quota_share_ratio",
        "gauge",
        "This pod's share of the quota, 0 to 1, by its share of the partitions.",
        "The sum over all pods stays above 1: two groups share one quota, or the partitions can't be "
        "counted.",
        lambda scrape: one(scrape.gauges.quota_share_ratio),
    ),
    Definition(
        "calls_in_flight",
        "gauge",
        "Calls sent and not answered yet.",
        "At `personalize.max_in_flight` all the time: raise it, or see `call_seconds`.",
        lambda scrape: one(scrape.gauges.calls_in_flight),
    ),
    Definition(
        "clock_ahead_seconds",
        "gauge",
        "How far the pod's clock is ahead of the API's (negative: behind), to about a second; missing before "
        "the first answer.",
        "Beyond 30 either way: set the node's clock right. Beyond 300 the API rejects every signature.",
        _clock,
    ),
    Definition(
        "paused",
        "gauge",
        "1 while receiving is paused because too much is unsettled; polling goes on.",
        "Often 1: sending is the bottleneck. Add quota; more pods don't help.",
        lambda scrape: one(scrape.gauges.paused),
    ),
    Definition(
        "partitions_assigned",
        "gauge",
        "Partitions assigned to this pod.",
        "0 for long: more pods than partitions, or Kafka can't be reached; see `/ready`.",
        lambda scrape: one(len(scrape.gauges.partitions)),
    ),
    Definition(
        "lag_records",
        "gauge",
        "Records from the first unsettled one to the end of the partition; missing while unknown.",
        "Growing: add quota if calls are throttled, else pods up to the number of partitions.",
        _lags,
        PARTITION,
    ),
    Definition(
        "partition_standing_seconds",
        "gauge",
        "For how long a partition has returned nothing although its log has more; 0 while it is healthy.",
        "Above 0: see `/ready`, then the partition's leader; a restart of the pod loses nothing.",
        _standing,
        PARTITION,
    ),
    Definition(
        "kafka_trouble_seconds",
        "gauge",
        "For how long there has been trouble with Kafka, by kind; 0 while there is none.",
        "Above some minutes: `/ready` says what is wrong, since when, and what to do.",
        _troubles,
        ("kind",),
    ),
    Definition(
        "records_lost_to_retention_total",
        "counter",
        "Records that Kafka deleted before they were read, and that the group has committed past; compacted "
        "records and transaction markers among them count too.",
        "Above 0: keep records for longer (`retention.ms`, `retention.bytes`) or add quota; the log has "
        "`kafka.records_lost` with how many and where.",
        lambda scrape: one(scrape.gauges.source.records_lost),
    ),
    Definition(
        "rebalances_total",
        "counter",
        "Changes of the assignment by kind: assigned, revoked, lost.",
        "Any `lost`: the pod was too slow for the group; check CPU limits and the session timeout.",
        lambda scrape: words(scrape.counts.rebalances),
        ("kind",),
    ),
    Definition(
        "committed_offset",
        "gauge",
        "The offset that the group has committed, for each partition this pod has.",
        "Standing still while records come in: see `oldest_unsettled_age_seconds`.",
        _committed,
        PARTITION,
    ),
    Definition(
        "commits_total",
        "counter",
        "Commits that the broker acknowledged.",
        "Flat while records are delivered: the broker refuses commits; see the log.",
        lambda scrape: one(scrape.counts.commits),
    ),
    Definition(
        "commit_delay_seconds",
        "gauge",
        "Seconds during which records were settled and nothing of their partition was committed; 0 with "
        "nothing to commit.",
        "Far above `kafka.commit_seconds`: the broker refuses commits; see `/ready`.",
        lambda scrape: one(scrape.gauges.source.commit_delay_seconds),
    ),
    Definition(
        "accepted_uncommitted_records",
        "gauge",
        "Records settled but not committed yet: what a crash right now would repeat, with the same event "
        "ids.",
        "Growing: one slow session holds back the offset of its partition.",
        lambda scrape: one(scrape.gauges.accepted_uncommitted_records),
    ),
    Definition(
        "spans_exported_total",
        "counter",
        "With tracing: spans that the OTLP endpoint took.",
        "Flat while calls are made: see `spans_dropped_total`, or no record is sampled.",
        lambda scrape: one(scrape.counts.spans_exported),
    ),
    Definition(
        "spans_dropped_total",
        "counter",
        "With tracing: spans that were lost, because too many waited (`queue_full`) or because the endpoint "
        "did not take them (`export_failed`). Nothing else suffers.",
        "Growing: see `tracing.export_failed` in the log, or sample fewer calls.",
        lambda scrape: words(scrape.counts.spans_dropped),
        ("reason",),
    ),
    *SENDING_DEFINITIONS,
    *KINESIS_DEFINITIONS,
    *SCALING_DEFINITIONS,
    Definition(
        "build_info",
        "gauge",
        "1, with the versions as labels.",
        "Compare the pods after a roll-out.",
        _build,
        ("version", "python", "librdkafka"),
    ),
)
