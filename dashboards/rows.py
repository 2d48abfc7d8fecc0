"""The rows of the dashboard: from what everybody asks first to what only one source has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dashboards.chart import chart, increase, part, process, quantile, rate, series, total, worst

if TYPE_CHECKING:
    from dashboards.chart import Chart

PARTITION: Final = "{{topic}}[{{partition}}]"
SHARD: Final = "{{stream}} {{shard}}"
POD: Final = "{{pod}}"
# Prometheus 3 writes a bound as a float.
ON_TIME: Final = 'le=~"300|300.0"'
DEAD: Final = total(rate("records_dead_lettered_total"))

FLOW: Final = (
    chart(
        "Oldest record",
        "s",
        (worst(series("oldest_unsettled_record_age_seconds")), "age"),
        about="oldest_unsettled_record_age_seconds",
        kind="figure",
        red_from=300,
    ),
    chart(
        "Accepted",
        "eps",
        (total(rate("events_accepted_total")), "events"),
        about="events_accepted_total",
        kind="figure",
    ),
    chart(
        "Quota in use",
        "percentunit",
        (
            f"{total(rate('calls_total'))} / {worst(series('quota_calls_per_second'))}",
            "of the quota",
        ),
        about="All calls of the chosen pods, as a part of the whole dataset group's quota.",
        kind="figure",
        red_from=0.9,
    ),
    chart(
        "Pods held",
        "short",
        (total(series("hold_active")), "pods"),
        about="hold_active",
        kind="figure",
        red_from=1,
    ),
    chart(
        "Records in, events out",
        "eps",
        (total(rate("records_received_total")), "records received"),
        (total(rate("events_accepted_total")), "events accepted"),
        (total(rate("records_dead_lettered_total")), "dead letters"),
        (total(rate("records_skipped_total")), "skipped"),
        about="What comes in, and what becomes of it, over all pods. A record may hold several events.",
    ),
    chart(
        "Accepted by pod",
        "eps",
        (total(rate("events_accepted_total"), "pod"), POD),
        about="events_accepted_total",
        kind="stacked",
    ),
    chart(
        "Events a record",
        "short",
        (part(rate("elements_fanned_out_total"), rate("records_fanned_out_total")), "events"),
        about="elements_fanned_out_total",
    ),
    chart(
        "Skipped by rule",
        "eps",
        (total(rate("records_skipped_total"), "rule"), "{{rule}}"),
        about="records_skipped_total",
    ),
)

AGE_AND_LAG: Final = (
    chart(
        "Age of the oldest record",
        "s",
        (worst(series("oldest_unsettled_record_age_seconds")), "since it was written"),
        (worst(series("oldest_unsettled_age_seconds")), "since it was received"),
        about="oldest_unsettled_record_age_seconds",
        red_from=300,
    ),
    chart(
        "Age when accepted",
        "s",
        (quantile(0.5, "record_age_seconds"), "half"),
        (quantile(0.95, "record_age_seconds"), "95 %"),
        (quantile(0.99, "record_age_seconds"), "99 %"),
        about="record_age_seconds",
    ),
    chart(
        "Delivered within five minutes",
        "percentunit",
        (
            part(rate("record_age_seconds_bucket", ON_TIME), rate("record_age_seconds_count")),
            "of the events",
        ),
        about="Of the accepted events. What still waits does not count here.",
        highest=1,
    ),
    chart("Lag", "short", (total(series("lag_records"), "topic"), "{{topic}}"), about="lag_records"),
    chart(
        "In hand",
        "short",
        (total(series("unsettled_records")), "records"),
        (total(series("unsettled_elements")), "events"),
        (total(series("parked_records")), "wait for a schema"),
        (total(series("accepted_uncommitted_records")), "settled, not committed"),
        about="unsettled_records",
    ),
    chart(
        "Nothing accepted for",
        "s",
        (worst(series("not_accepted_seconds"), "pod"), POD),
        about="not_accepted_seconds",
        red_from=120,
    ),
)

QUOTA_AND_RATE: Final = (
    chart(
        "Calls and what may go",
        "reqps",
        (total(rate("calls_total")), "calls"),
        (total(series("rate_limit_calls_per_second")), "allowed now"),
        (worst(series("quota_calls_per_second")), "quota"),
        about="rate_limit_calls_per_second",
    ),
    chart(
        "Share of the quota",
        "percentunit",
        (worst(series("quota_share_ratio"), "pod"), POD),
        about="quota_share_ratio",
        kind="stacked",
    ),
    chart(
        "Borrowed",
        "reqps",
        (worst(series("rate_limit_borrowed_calls_per_second"), "pod"), POD),
        about="rate_limit_borrowed_calls_per_second",
    ),
    chart(
        "Throttled",
        "percentunit",
        (worst(series("calls_throttled_ratio"), "pod"), POD),
        about="calls_throttled_ratio",
        highest=1,
    ),
    chart(
        "Below its share for",
        "s",
        (worst(series("throttled_seconds"), "pod"), POD),
        about="throttled_seconds",
        red_from=600,
    ),
    chart(
        "Events a call",
        "short",
        (part(rate("events_per_call_sum"), rate("events_per_call_count")), "mean"),
        about="events_per_call",
        highest=10,
    ),
    chart(
        "Time to an answer",
        "s",
        (quantile(0.5, "call_seconds"), "half"),
        (quantile(0.99, "call_seconds"), "99 %"),
        about="call_seconds",
    ),
    chart(
        "Calls in flight",
        "short",
        (total(series("calls_in_flight"), "pod"), POD),
        (worst(series("max_calls_in_flight")), "bound of a pod"),
        about="calls_in_flight",
    ),
)

HOLDS_AND_ERRORS: Final = (
    chart(
        "Held for",
        "s",
        (worst(series("hold_seconds"), "kind"), "{{kind}}"),
        (worst(series("hold_unconfirmed"), "kind"), "{{kind}}, unconfirmed"),
        about="hold_seconds",
        red_from=300,
    ),
    chart(
        "Next probe in",
        "s",
        (f"min by (kind) ({series('hold_next_probe_seconds')})", "{{kind}}"),
        about="hold_next_probe_seconds",
    ),
    chart(
        "Pods that are not ready",
        "short",
        (f"{total(series('not_ready'), 'reason')} > 0", "{{reason}}"),
        about="not_ready",
        kind="stacked",
    ),
    chart(
        "Calls by outcome",
        "reqps",
        (total(rate("calls_total"), "outcome"), "{{outcome}}"),
        about="calls_total",
        kind="stacked",
    ),
    chart(
        "Errors by code",
        "reqps",
        (f"{total(rate('call_errors_total'), 'code')} > 0", "{{code}}"),
        about="call_errors_total",
        kind="stacked",
    ),
    chart(
        "Failing calls",
        "percentunit",
        (worst(series("calls_failed_ratio"), "pod"), POD),
        about="calls_failed_ratio",
        red_from=0.2,
        highest=1,
    ),
    chart(
        "Sessions that are tried again",
        "short",
        (total(series("sessions_retried"), "pod"), POD),
        about="sessions_retried",
    ),
    chart(
        "Keys end in",
        "s",
        (f"min by (pod) ({series('credentials_end_seconds')})", POD),
        about="credentials_end_seconds",
    ),
    chart(
        "Keys that could not be had",
        "short",
        (total(increase("credentials_failures_total"), "pod"), POD),
        about="credentials_failures_total",
        red_from=1,
    ),
    chart(
        "Clock ahead of the API's",
        "s",
        (worst(series("clock_ahead_seconds"), "pod"), POD),
        about="clock_ahead_seconds",
    ),
)

DEAD_LETTERS: Final = (
    chart(
        "Dead letters by reason",
        "eps",
        (f"{total(rate('records_dead_lettered_total'), 'reason')} > 0", "{{reason}}"),
        about="records_dead_lettered_total",
        kind="stacked",
    ),
    chart(
        "Part that becomes dead letters",
        "percentunit",
        (
            f"{DEAD} / ({DEAD} + {total(rate('events_accepted_total'))})",
            "dead letters",
        ),
        about="Of what was delivered or became a dead letter. What a rule skips does not count.",
        red_from=0.01,
    ),
    chart(
        "In the chosen time",
        "short",
        (f"{total(increase('records_dead_lettered_total', '$__range'), 'reason')} > 0", "{{reason}}"),
        about="records_dead_lettered_total",
        kind="figure",
    ),
)

RESOURCES: Final = (
    chart(
        "CPU",
        "short",
        (worst(f"rate({process('process_cpu_seconds_total')}[$__rate_interval])", "pod"), POD),
        about="Cores. A pod uses one at most.",
        red_from=0.9,
    ),
    chart(
        "Resident memory",
        "bytes",
        (worst(process("process_resident_memory_bytes"), "pod"), POD),
        about="Of the whole process. The pod's limit has to be well above it.",
    ),
    chart(
        "Memory of the unsettled records",
        "bytes",
        (worst(series("unsettled_bytes"), "pod"), POD),
        (worst(series("max_unsettled_bytes")), "bound of a pod"),
        about="unsettled_bytes",
    ),
    chart(
        "Unsettled records",
        "short",
        (worst(series("unsettled_records"), "pod"), POD),
        (worst(series("max_unsettled_records")), "bound of a pod"),
        about="unsettled_records",
    ),
    chart("Receiving paused", "bool", (worst(series("paused"), "pod"), POD), about="paused", highest=1),
    chart(
        "Event loop late by",
        "s",
        (worst(series("loop_lag_seconds"), "pod"), POD),
        about="loop_lag_seconds",
        red_from=0.5,
    ),
    chart(
        "Starts within an hour",
        "short",
        (worst(f"changes({process('process_start_time_seconds')}[1h])", "pod"), POD),
        about="Of a process within the same pod: crashes, kills for memory, probes that failed.",
        red_from=2,
    ),
    chart(
        "Open files",
        "short",
        (worst(process("process_open_fds"), "pod"), POD),
        about="Connections count too.",
    ),
    chart(
        "Spans of traces",
        "ops",
        (total(rate("spans_exported_total")), "exported"),
        (total(rate("spans_dropped_total"), "reason"), "dropped: {{reason}}"),
        about="spans_dropped_total",
    ),
    chart(
        "Pods by version",
        "short",
        (
            f"count by (version, python, librdkafka) ({series('build_info')})",
            "{{version}}, Python {{python}}",
        ),
        (total(series("draining")), "draining"),
        about="build_info",
        kind="stacked",
    ),
)

SCALING: Final = (
    chart(
        "Workers wanted and there",
        "short",
        (f"avg ({series('desired_workers')})", "wanted"),
        (f"count ({series('build_info')})", "there"),
        about="desired_workers",
    ),
    chart(
        "What decides how many",
        "short",
        (f"{total(series('scaling_bound'), 'reason')} > 0", "{{reason}}"),
        about="scaling_bound",
        kind="stacked",
    ),
    chart(
        "Records that wait", "short", (total(series("records_waiting"), "pod"), POD), about="records_waiting"
    ),
    chart(
        "Records that come in",
        "eps",
        (total(series("arrival_records_per_second"), "pod"), POD),
        about="arrival_records_per_second",
        kind="stacked",
    ),
    chart(
        "CPU in use",
        "percentunit",
        (worst(series("cpu_used_ratio"), "pod"), POD),
        about="cpu_used_ratio",
        red_from=0.8,
        highest=1,
    ),
    chart(
        "Share of the quota in use",
        "percentunit",
        (worst(series("quota_used_ratio"), "pod"), POD),
        about="quota_used_ratio",
        highest=1,
    ),
)

KAFKA: Final = (
    chart(
        "Lag by partition",
        "short",
        (worst(series("lag_records"), "topic", "partition"), PARTITION),
        about="lag_records",
    ),
    chart(
        "Partitions by pod",
        "short",
        (worst(series("partitions_assigned"), "pod"), POD),
        about="partitions_assigned",
        kind="stacked",
    ),
    chart(
        "Committed, records a second",
        "eps",
        (
            worst(f"deriv({series('committed_offset')}[5m])", "topic", "partition"),
            PARTITION,
        ),
        about="committed_offset",
    ),
    chart(
        "Commits",
        "ops",
        (total(rate("commits_total"), "pod"), POD),
        about="commits_total",
    ),
    chart(
        "Commits delayed by",
        "s",
        (worst(series("commit_delay_seconds"), "pod"), POD),
        about="commit_delay_seconds",
        red_from=60,
    ),
    chart(
        "Partitions that stand still",
        "s",
        (worst(series("partition_standing_seconds"), "topic", "partition"), PARTITION),
        about="partition_standing_seconds",
        red_from=1,
    ),
    chart(
        "Trouble with Kafka",
        "s",
        (worst(series("kafka_trouble_seconds"), "kind"), "{{kind}}"),
        about="kafka_trouble_seconds",
        red_from=180,
    ),
    chart(
        "Rebalances",
        "short",
        (total(increase("rebalances_total"), "kind"), "{{kind}}"),
        about="rebalances_total",
    ),
    chart(
        "Lost to retention",
        "short",
        (total(increase("records_lost_to_retention_total")), "records"),
        about="records_lost_to_retention_total",
        red_from=1,
    ),
)

KINESIS: Final = (
    chart(
        "Behind the newest record",
        "s",
        (worst(series("behind_latest_seconds"), "stream", "shard"), SHARD),
        about="behind_latest_seconds",
        red_from=3600,
    ),
    chart(
        "Shards by pod",
        "short",
        (worst(series("partitions_assigned"), "pod"), POD),
        about="Shards whose leases this pod has (with Kafka: its partitions).",
        kind="stacked",
    ),
    chart(
        "Leases",
        "short",
        (total(increase("lease_handovers_total")), "handed over"),
        (total(increase("leases_lost_total")), "lost"),
        about="leases_lost_total",
    ),
    chart(
        "Reads refused",
        "ops",
        (total(rate("reads_throttled_total"), "pod"), POD),
        about="reads_throttled_total",
    ),
    chart(
        "Trouble with Kinesis",
        "s",
        (worst(series("kinesis_trouble_seconds"), "kind"), "{{kind}}"),
        about="kinesis_trouble_seconds",
        red_from=180,
    ),
)

ROWS: Final[tuple[tuple[str, tuple[Chart, ...]], ...]] = (
    ("Flow", FLOW),
    ("Age and lag", AGE_AND_LAG),
    ("Quota and rate", QUOTA_AND_RATE),
    ("Holds and errors", HOLDS_AND_ERRORS),
    ("Dead letters", DEAD_LETTERS),
    ("Resources", RESOURCES),
    ("Scaling", SCALING),
    ("Kafka", KAFKA),
    ("Kinesis", KINESIS),
)
