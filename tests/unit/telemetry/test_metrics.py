from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from msgspec import structs
from prometheus_client.parser import text_string_to_metric_families

from worker.core.flow_control.holds import HoldKind
from worker.core.model.error_codes import ERROR_CODES
from worker.core.model.gauges import Gauges, ScalingGauges, SendingGauges
from worker.core.model.outcomes import Accepted, Misconfigured, Refused, Throttled, TransientFault
from worker.core.model.partition import Partition
from worker.core.model.records import Batch, Interaction, Reason, Record, Skipped
from worker.core.model.snapshot import (
    KINESIS_TROUBLES,
    NOT_READY_CAUSES,
    TROUBLES,
    HoldStatus,
    KeysStatus,
    PartitionGauges,
    SourceStatus,
    SourceTrouble,
)
from worker.core.offsets.assignment import Assignment
from worker.core.scaling.demand import Bound
from worker.delivery.codes import DELIVERY_CODES
from worker.telemetry.definition import PREFIX, Build
from worker.telemetry.definitions import DEFINITIONS
from worker.telemetry.meter import Counts
from worker.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from prometheus_client.core import Metric

MARKED = "user-4711"

# The names and labels that dashboards and alerts stand on: changing one is a breaking change.
PROMISED = {
    "records_received_total": (),
    "records_fanned_out_total": (),
    "elements_fanned_out_total": (),
    "records_skipped_total": ("rule",),
    "records_dead_lettered_total": ("reason",),
    "events_accepted_total": (),
    "calls_total": ("outcome",),
    "call_errors_total": ("code",),
    "call_seconds": (),
    "events_per_call": (),
    "record_age_seconds": (),
    "unsettled_records": (),
    "unsettled_elements": (),
    "parked_records": (),
    "unsettled_bytes": (),
    "oldest_unsettled_age_seconds": (),
    "oldest_unsettled_record_age_seconds": (),
    "rate_limit_calls_per_second": (),
    "rate_limit_borrowed_calls_per_second": (),
    "quota_share_ratio": (),
    "calls_in_flight": (),
    "hold_active": ("kind",),
    "spans_exported_total": (),
    "spans_dropped_total": ("reason",),
    "hold_seconds": ("kind",),
    "hold_next_probe_seconds": ("kind",),
    "clock_ahead_seconds": (),
    "paused": (),
    "partitions_assigned": (),
    "lag_records": ("topic", "partition"),
    "partition_standing_seconds": ("topic", "partition"),
    "kafka_trouble_seconds": ("kind",),
    "records_lost_to_retention_total": (),
    "rebalances_total": ("kind",),
    "committed_offset": ("topic", "partition"),
    "commits_total": (),
    "commit_delay_seconds": (),
    "accepted_uncommitted_records": (),
    "not_ready": ("reason",),
    "hold_unconfirmed": ("kind",),
    "not_accepted_seconds": (),
    "sessions_retried": (),
    "calls_failed_ratio": (),
    "calls_throttled_ratio": (),
    "throttled_seconds": (),
    "draining": (),
    "loop_lag_seconds": (),
    "credentials_end_seconds": (),
    "credentials_failures_total": (),
    "quota_calls_per_second": (),
    "max_calls_in_flight": (),
    "max_unsettled_records": (),
    "max_unsettled_bytes": (),
    "behind_latest_seconds": ("stream", "shard"),
    "kinesis_trouble_seconds": ("kind",),
    "leases_lost_total": (),
    "lease_handovers_total": (),
    "reads_throttled_total": (),
    "desired_workers": (),
    "scaling_bound": ("reason",),
    "records_waiting": (),
    "arrival_records_per_second": (),
    "cpu_used_ratio": (),
    "quota_used_ratio": (),
    "build_info": ("version", "python", "librdkafka"),
}

BUILD = Build("0.1.0", "3.11.7", "2.16.1")


def gauges(
    *,
    holds: tuple[str, ...] = (),
    partitions: tuple[PartitionGauges, ...] = (),
    paused: bool = False,
    source: SourceStatus | None = None,
) -> Gauges:
    return Gauges(
        unsettled_records=11,
        unsettled_bytes=1200,
        oldest_unsettled_age_seconds=1.5,
        oldest_unsettled_record_age_seconds=115.5,
        rate_limit_calls_per_second=250.0,
        rate_limit_borrowed_calls_per_second=50.0,
        quota_share_ratio=0.25,
        calls_in_flight=3,
        holds=tuple(hold(kind) for kind in holds),
        paused=paused,
        accepted_uncommitted_records=4,
        partitions=partitions,
        clock_ahead_seconds=-1.5,
        source=source or SourceStatus(),
    )


def hold(kind: str) -> HoldStatus:
    return HoldStatus(
        kind=kind, reason=MARKED, held_seconds=7.0, probe="it", next_probe_seconds=2.0, advice=MARKED
    )


def counts() -> Counts:
    return Counts(lambda: 1_700_000_000.0, error_codes=["ThrottlingException"])


def families(metrics: Metrics) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(metrics.render().decode())}


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """The one sample of that name and those labels, read from the exposition."""
    samples = [sample for family in families(metrics).values() for sample in family.samples]
    found = [each.value for each in samples if each.name == PREFIX + name and each.labels == labels]
    return found[0] if found else None


def test_every_promised_metric_is_there_with_its_labels() -> None:
    assert {each.name: each.labels for each in DEFINITIONS} == PROMISED


def test_kafkas_trouble_is_shown_by_kind_and_its_words_are_not() -> None:
    troubles = (
        SourceTrouble("commit", MARKED, 7.0, MARKED),
        SourceTrouble("commit", MARKED, 70.0, MARKED),
        SourceTrouble("standstill", MARKED, 40.0, MARKED),
    )
    source = SourceStatus(troubles=troubles, commit_delay_seconds=71.0, records_lost=4900)
    standing = PartitionGauges(Partition("t", 1), standing_seconds=40.0)
    partitions = (PartitionGauges(Partition("t", 0)), standing)
    metrics = Metrics(counts(), lambda: gauges(source=source, partitions=partitions), BUILD)
    assert value(metrics, "kafka_trouble_seconds", kind="commit") == 70
    assert value(metrics, "kafka_trouble_seconds", kind="silent_broker") == 0
    assert value(metrics, "partition_standing_seconds", topic="t", partition="0") == 0
    assert value(metrics, "partition_standing_seconds", topic="t", partition="1") == 40
    assert value(metrics, "commit_delay_seconds") == 71
    assert value(metrics, "records_lost_to_retention_total") == 4900
    assert MARKED.encode() not in metrics.render()


@pytest.mark.parametrize(
    ("system", "kinds", "other"), [("kinesis", KINESIS_TROUBLES, "kafka"), ("kafka", TROUBLES, "kinesis")]
)
def test_troubles_of_any_kind_are_shown_with_their_system(
    system: Literal["kafka", "kinesis"], kinds: tuple[str, ...], other: str
) -> None:
    source = SourceStatus(
        system=system, troubles=tuple(SourceTrouble(kind, MARKED, 7.0, MARKED) for kind in kinds)
    )
    metrics = Metrics(counts(), lambda: gauges(source=source), BUILD)
    for kind in kinds:
        assert value(metrics, f"{system}_trouble_seconds", kind=kind) == 7
        assert value(metrics, f"{other}_trouble_seconds", kind=kind) is None


def test_every_metric_has_its_help_and_type_before_anything_has_happened() -> None:
    text = Metrics(counts(), gauges, BUILD).render().decode()
    for each in DEFINITIONS:
        assert f"# HELP {PREFIX}{each.name} {each.meaning}\n" in text
        assert f"# TYPE {PREFIX}{each.name} {each.kind}\n" in text


def test_the_process_shows_itself_under_the_usual_names() -> None:
    assert {"process_cpu_seconds", "process_resident_memory_bytes", "python_gc_collections"} <= families(
        Metrics(counts(), gauges, BUILD)
    ).keys()


def test_what_was_counted_is_shown() -> None:
    counted = counts()
    metrics = Metrics(counted, gauges, BUILD)
    counted.received(20)
    counted.answered(Throttled("ThrottlingException"), 0.02)
    counted.answered(Accepted(), 0.2)
    assert value(metrics, "records_received_total") == 20
    assert value(metrics, "calls_total", outcome="throttled") == 1
    assert value(metrics, "calls_total", outcome="refused") == 0
    assert value(metrics, "call_errors_total", code="ThrottlingException") == 1
    assert value(metrics, "call_seconds_bucket", le="0.1") == 1
    assert value(metrics, "call_seconds_bucket", le="+Inf") == 2
    assert value(metrics, "call_seconds_count") == 2
    assert value(metrics, "call_seconds_sum") == pytest.approx(0.22)


def test_the_pipeline_is_asked_anew_at_every_scrape() -> None:
    now = [gauges(paused=False)]
    metrics = Metrics(counts(), lambda: now[0], BUILD)
    assert value(metrics, "paused") == 0
    now[0] = gauges(paused=True)
    assert value(metrics, "paused") == 1


def test_the_pipelines_numbers_are_shown() -> None:
    metrics = Metrics(counts(), gauges, BUILD)
    shown = {
        "clock_ahead_seconds": -1.5,
        "unsettled_records": 11,
        "unsettled_bytes": 1200,
        "oldest_unsettled_age_seconds": 1.5,
        "oldest_unsettled_record_age_seconds": 115.5,
        "rate_limit_calls_per_second": 250,
        "rate_limit_borrowed_calls_per_second": 50,
        "quota_share_ratio": 0.25,
        "calls_in_flight": 3,
        "accepted_uncommitted_records": 4,
        "partitions_assigned": 0,
    }
    assert {name: value(metrics, name) for name in shown} == shown
    assert value(metrics, "build_info", version="0.1.0", python="3.11.7", librdkafka="2.16.1") == 1


@pytest.mark.parametrize("kind", HoldKind)
def test_a_hold_shows_by_its_kind_and_the_others_as_nought(kind: str) -> None:
    metrics = Metrics(counts(), lambda: gauges(holds=(kind,)), BUILD)
    assert {each: value(metrics, "hold_active", kind=each) for each in HoldKind} == {
        e: e == kind for e in HoldKind
    }


def test_partitions_show_lag_and_committed_offset_while_they_are_ours() -> None:
    known = PartitionGauges(Partition("a", 0), 100, committed_offset=7)
    ours = [(known, PartitionGauges(Partition("a", 1)))]
    metrics = Metrics(counts(), lambda: gauges(partitions=ours[0]), BUILD)
    assert value(metrics, "partitions_assigned") == 2
    assert value(metrics, "lag_records", topic="a", partition="0") == 100
    assert value(metrics, "lag_records", topic="a", partition="1") is None
    assert value(metrics, "committed_offset", topic="a", partition="0") == 7
    assert value(metrics, "committed_offset", topic="a", partition="1") is None
    ours[0] = ()
    assert value(metrics, "committed_offset", topic="a", partition="0") is None


@pytest.mark.parametrize("kind", HoldKind)
def test_a_hold_shows_for_how_long_and_when_it_is_probed_next(kind: str) -> None:
    metrics = Metrics(counts(), lambda: gauges(holds=(kind,)), BUILD)
    assert {each: value(metrics, "hold_seconds", kind=each) for each in HoldKind} == {
        each: 7 * (each == kind) for each in HoldKind
    }
    assert {each: value(metrics, "hold_next_probe_seconds", kind=each) for each in HoldKind} == {
        each: 2 if each == kind else None for each in HoldKind
    }


def test_why_it_is_not_ready_shows_by_its_word_and_the_others_as_nought() -> None:
    shown = structs.replace(gauges(), not_ready=frozenset({"hold", "kafka"}))
    metrics = Metrics(counts(), lambda: shown, BUILD)
    assert {each: value(metrics, "not_ready", reason=each) for each in NOT_READY_CAUSES} == {
        each: each in {"hold", "kafka"} for each in NOT_READY_CAUSES
    }


def test_a_hold_that_is_not_confirmed_is_shown_as_that_and_as_none() -> None:
    unconfirmed = structs.replace(hold("misconfigured"), unconfirmed_seconds=80.0)
    shown = structs.replace(gauges(), holds=(unconfirmed,))
    metrics = Metrics(counts(), lambda: shown, BUILD)
    assert value(metrics, "hold_unconfirmed", kind="misconfigured") == 1
    assert value(metrics, "hold_unconfirmed", kind="refusals") == 0
    assert (
        value(metrics, "hold_active", kind="misconfigured")
        == value(metrics, "hold_seconds", kind="misconfigured")
        == 0
    )


def test_the_bounds_the_keys_and_the_loop_are_shown() -> None:
    keys = KeysStatus(are_there=True, end_in_seconds=840, failures=2, failing_seconds=5, code=MARKED)
    sending = SendingGauges(
        quota_calls_per_second=1000,
        max_calls_in_flight=64,
        max_unsettled_records=100,
        max_unsettled_bytes=200,
        draining=True,
    )
    shown = structs.replace(gauges(), keys=keys, sending=sending, loop_lag_seconds=0.25)
    metrics = Metrics(counts(), lambda: shown, BUILD)
    expected = {
        "credentials_end_seconds": 840,
        "credentials_failures_total": 2,
        "quota_calls_per_second": 1000,
        "max_calls_in_flight": 64,
        "max_unsettled_records": 100,
        "max_unsettled_bytes": 200,
        "draining": 1,
        "loop_lag_seconds": 0.25,
    }
    assert {name: value(metrics, name) for name in expected} == expected
    assert value(Metrics(counts(), gauges, BUILD), "credentials_end_seconds") is None


def test_how_many_workers_there_should_be_is_shown_with_what_decides_it() -> None:
    scaling = ScalingGauges(desired_workers=3, bound=Bound.QUOTA, records_waiting=120.0, cpu_used_ratio=0.5)
    metrics = Metrics(counts(), lambda: structs.replace(gauges(), scaling=scaling), BUILD)
    assert value(metrics, "desired_workers") == 3
    assert {bound: value(metrics, "scaling_bound", reason=bound) for bound in Bound} == {
        bound: float(bound is Bound.QUOTA) for bound in Bound
    }
    assert (value(metrics, "records_waiting"), value(metrics, "cpu_used_ratio")) == (120, 0.5)
    # Not 0, which would be a number to scale to.
    assert value(Metrics(counts(), gauges, BUILD), "desired_workers") is None


def test_the_codes_that_matter_are_there_before_their_first_error() -> None:
    """Or ``increase()`` would not see the first burst."""
    metrics = Metrics(Counts(lambda: 0.0, ERROR_CODES | DELIVERY_CODES), gauges, BUILD)
    for code in (
        "ThrottlingException",
        "AccessDeniedException",
        "AnswerTimeout",
        "InvalidInputException",
        "Http503",
    ):
        assert value(metrics, "call_errors_total", code=code) == 0


def test_no_label_and_no_value_ever_holds_anything_from_a_record() -> None:
    assignment = Assignment(Partition("interactions", 0), 1)
    record = Record(assignment, 0, 0, MARKED.encode(), MARKED.encode(), ((MARKED, MARKED.encode()),))
    counted = counts()
    for answer in (
        Throttled(MARKED),
        TransientFault(MARKED),
        Refused(MARKED, MARKED),
        Misconfigured(MARKED, MARKED),
    ):
        counted.answered(answer, 0.1)
    counted.accepted(Batch(MARKED, MARKED, (Interaction(record, MARKED, MARKED, MARKED.encode()),)))
    counted.skipped(Skipped(record, "tombstone"))
    counted.dead_lettered(Reason("invalid", MARKED))
    shown = gauges(holds=(MARKED,), partitions=(PartitionGauges(Partition("interactions", 0), 1),))
    text = Metrics(counted, lambda: shown, BUILD).render().decode()
    assert MARKED not in text
    assert 'hold_active{kind="other"} 1.0' in text


def test_two_workers_in_one_process_do_not_disturb_each_other() -> None:
    first, second = counts(), counts()
    metrics = Metrics(first, gauges, BUILD), Metrics(second, gauges, BUILD)
    first.received(1)
    assert [value(each, "records_received_total") for each in metrics] == [1, 0]
