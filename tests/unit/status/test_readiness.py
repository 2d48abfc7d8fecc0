"""What /ready and status say of sending is so now, for as long as it is so: played in virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from tests.support.schedules import failing
from tests.support.stage import Stage, running, settings
from tests.support.twins import TopicTwin
from tests.support.virtual_time import in_virtual_time
from tests.support.watching import status_of
from worker.core.model.outcomes import Accepted, Misconfigured, Refused, Throttled, TransientFault
from worker.core.model.snapshot import KeysStatus

if TYPE_CHECKING:
    from worker.core.model.outcomes import Answer

DENIED = Misconfigured("AccessDeniedException")
DOWN = TransientFault("InternalServerException")


def test_a_hold_outranks_the_fault_that_was_before_it() -> None:
    async def scenario() -> None:
        stage = Stage(settings(linger_seconds=0))
        status = status_of(stage)
        stage.api.answer = lambda _: DOWN
        stage.topic.produce(*(f"s{n}/u/{n}" for n in range(50)))
        stage.source.assign(0)
        async with running(stage):
            await asyncio.sleep(1.5)
            stage.api.answer = lambda _: DENIED
            await stage.until(lambda: stage.breaker.holds)
            for _ in range(300):
                (reason,) = status.readiness().reasons
                assert reason.startswith("held for ")
                assert "AccessDeniedException" in reason
                await asyncio.sleep(0.2)
            stage.api.answer = lambda _: Accepted()

    in_virtual_time(scenario())


def test_a_fault_of_the_probes_stands_behind_the_hold() -> None:
    async def scenario() -> None:
        stage = Stage(settings(linger_seconds=0))
        status = status_of(stage)
        stage.api.answer = lambda _: DENIED
        stage.topic.produce(*(f"s{n}/u/{n}" for n in range(50)))
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.breaker.holds)
            stage.api.answer = lambda _: DOWN
            await asyncio.sleep(120)
            held, failing_too = status.readiness().reasons
            assert held.startswith("held for ")
            assert failing_too.startswith("no call accepted since the start, failing for ")
            stage.api.answer = lambda _: Accepted()

    in_virtual_time(scenario())


@pytest.mark.parametrize("answer", [DOWN, Throttled("ThrottlingException"), DENIED])
@pytest.mark.parametrize("how", ["revoked", "lost"])
@pytest.mark.slow
def test_what_another_pod_has_to_find_out_is_no_reason_to_be_unready_for_ever(
    answer: Answer, how: str
) -> None:
    """The records of it went to another pod; this one has a partition, and nothing to send."""

    async def scenario() -> None:
        stage = Stage(settings(), TopicTwin(2))
        status = status_of(stage)
        stage.api.answer = lambda _: answer
        stage.topic.produce("s1/u/1", "s2/u/2", partition=0)
        stage.source.assign(0, 1)
        with capture_logs() as lines:
            async with running(stage):
                await asyncio.sleep(60)
                assert not status.readiness().ready
                (stage.source.revoke if how == "revoked" else stage.source.lose)(0)
                await asyncio.sleep(90)
                said = status.status()
                assert (said.ready, said.reasons) == (True, ())
                (warning,) = said.warnings
                assert "nothing to send for " in warning
                assert answer.code in warning  # type: ignore[union-attr]  # none of them is Accepted
                calls = len(stage.api.calls)
                await asyncio.sleep(3 * 3600)
                assert status.readiness().ready
                assert len(stage.api.calls) == calls
                # It is still so: the next record finds out, by itself and at once.
                stage.topic.produce(*(f"s{n}/u/{n}" for n in range(3, 30)), partition=1)
                await stage.until(lambda: len(stage.api.calls) > calls, seconds=3)
                await stage.until(lambda: not status.readiness().ready, seconds=30)
                assert status.status().warnings == ()
                await asyncio.sleep(11)
                stage.api.answer = lambda _: Accepted()
                await stage.until(lambda: status.readiness().ready, seconds=60)
                assert "nothing to send" not in str(status.status().warnings)
                await stage.until(lambda: len(stage.api.delivered()) == 27)
        events = [line["event"] for line in lines]
        told, given_up = (
            ("sending.held", "sending.hold_unconfirmed")
            if answer == DENIED
            else ("calls.failing", "calls.untried")
        )
        assert events.count(given_up) == 1
        after = events.index(given_up)
        assert told in events[:after]
        assert told in events[after:]

    in_virtual_time(scenario())


def test_a_hold_for_refusals_that_nobody_could_confirm_is_probed_with_one_event_first() -> None:
    """Nobody fixed it: no more dead letters come of it, however long nobody looked."""

    async def scenario() -> None:
        stage = Stage(settings(hold_after_refusals=5), TopicTwin(2))
        status = status_of(stage)
        stage.api.answer = lambda _: Refused("InvalidInputException")
        stage.topic.produce(*(f"s{n}/u/{n}" for n in range(50)), partition=0)
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: stage.breaker.holds)
            await stage.until(lambda: len(stage.dead_letters.letters) == 5)
            stage.source.revoke(0)
            await asyncio.sleep(3600)
            assert status.readiness().ready
            calls = len(stage.api.calls)
            stage.topic.produce(*(f"t{n}/u/{n}" for n in range(50)), partition=1)
            await stage.until(lambda: len(stage.api.calls) > calls, seconds=3)
            await asyncio.sleep(300)
            assert {len(batch.interactions) for _, batch, _ in stage.api.calls[calls:]} == {1}
            assert len(stage.dead_letters.letters) == 5
            assert not status.readiness().ready
            stage.api.answer = lambda _: Accepted()

    in_virtual_time(scenario())


def test_a_hold_that_is_not_confirmed_shows_so_everywhere() -> None:
    async def scenario() -> None:
        stage = Stage(settings(), TopicTwin(2))
        status = status_of(stage)
        stage.api.answer = lambda _: DENIED
        stage.topic.produce("s/u/1", partition=0)
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: stage.breaker.holds)
            stage.source.lose(0)
            await asyncio.sleep(30)
            (reason,) = status.readiness().reasons
            assert reason.endswith("one event is sent to find out, once there is one to send")
            await asyncio.sleep(70)
            (hold,) = status.status().holds
            assert hold.unconfirmed_seconds == pytest.approx(100, abs=5)

    in_virtual_time(scenario())


def test_while_records_wait_a_hold_is_never_taken_for_unconfirmed() -> None:
    async def scenario() -> None:
        stage = Stage()
        status = status_of(stage)
        stage.api.answer = lambda _: DENIED
        stage.topic.produce("s/u/1")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.breaker.holds)
            # Nobody answers the probes any more.
            stage.api.answer, stage.api.seconds = lambda _: DOWN, 500
            for _ in range(1000):
                await asyncio.sleep(1)
                assert status.readiness().reasons[0].startswith("held for ")
            stage.api.answer, stage.api.seconds = lambda _: Accepted(), 0.05

    in_virtual_time(scenario())


NO_KEYS = KeysStatus(
    are_there=False, end_in_seconds=None, failures=1, failing_seconds=12, code="NoCredentials"
)
FAILING = KeysStatus(
    are_there=True, end_in_seconds=300, failures=2, failing_seconds=60, code="CredentialsRefresh"
)


def test_without_keys_it_is_unready_at_once_and_not_only_when_a_record_comes() -> None:
    async def scenario() -> None:
        stage, keys = Stage(), NO_KEYS
        status = status_of(stage, lambda: keys)
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.limiter.share)
            (reason,) = status.readiness().reasons
            assert reason.startswith(
                "no keys to sign calls with for 12 s: NoCredentials; give the pod a role"
            )
            # Once a record comes, the hold says it.
            stage.api.answer = lambda _: Misconfigured("NoCredentials")
            stage.topic.produce("s/u/1")
            await stage.until(lambda: stage.breaker.holds)
            (reason,) = status.readiness().reasons
            assert reason.startswith("held for 0 s: misconfigured: NoCredentials; give the pod a role")
            stage.api.answer = lambda _: Accepted()
            keys = structs.replace(NO_KEYS, are_there=True, failing_seconds=None, code="")
            await stage.until(lambda: status.readiness().ready)

    in_virtual_time(scenario())


def test_keys_that_can_not_be_renewed_are_a_warning_and_once_they_end_a_reason() -> None:
    async def scenario() -> None:
        stage, keys = Stage(), FAILING
        status = status_of(stage, lambda: keys)
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.limiter.share)
            assert status.readiness().ready
            (warning,) = status.status().warnings
            assert warning.startswith(
                "the keys can't be renewed for 60 s: CredentialsRefresh; the source of the keys"
            )
            assert warning.endswith("those at hand end in 300 s")
            keys = structs.replace(FAILING, end_in_seconds=-5)
            (reason,) = status.readiness().reasons
            assert reason.startswith(
                "the keys have ended, and others can't be had for 60 s: CredentialsRefresh"
            )
            assert status.status().warnings == ()

    in_virtual_time(scenario())


def test_the_numbers_name_the_same_cause() -> None:
    async def scenario() -> None:
        stage = Stage(settings(requests_per_second=500, max_in_flight=7), TopicTwin(2))
        status = status_of(stage)
        assert status.gauges().not_ready == {"no_partitions"}
        stage.api.answer = lambda _: DENIED
        stage.source.assign(0, 1)
        async with running(stage):
            await asyncio.sleep(50)
            assert status.gauges().not_ready == frozenset()
            assert status.gauges().sending.not_accepted_seconds == 0
            stage.topic.produce("s/u/1", partition=0)
            await stage.until(lambda: stage.breaker.holds)
            gauges = status.gauges()
            assert gauges.not_ready == {"hold"}
            assert gauges.rate_limit_calls_per_second == 0
            # Since the record came, not since the start.
            assert gauges.sending.not_accepted_seconds == pytest.approx(1, abs=0.5)
            bounds = (gauges.sending.quota_calls_per_second, gauges.sending.max_calls_in_flight)
            assert bounds == (500, 7)
            stage.api.answer = lambda _: Accepted()
            await stage.settled()
            stage.api.answer = lambda _: DOWN
            stage.topic.produce("s/u/2", partition=0)
            await asyncio.sleep(30)
            gauges = status.gauges()
            assert gauges.not_ready == {"calls_failing"}
            assert gauges.sending.sessions_retried == 1
            assert gauges.sending.calls_failed_ratio > 0.3
            assert gauges.sending.not_accepted_seconds == pytest.approx(30, abs=0.5)
            stage.api.answer = lambda _: Throttled("ThrottlingException")
            await asyncio.sleep(90)
            assert status.gauges().not_ready == {"throttled"}
            assert status.gauges().sending.calls_throttled_ratio == 1
            stage.worker.pipeline.stop()
            await stage.until(lambda: stage.worker.pipeline.draining)
            assert "draining" in status.gauges().not_ready
            assert status.gauges().sending.draining
            assert status.status().draining
            stage.api.answer = lambda _: Accepted()

    in_virtual_time(scenario())


def test_two_holds_say_what_each_waits_for() -> None:
    async def scenario() -> None:
        stage = Stage(settings(linger_seconds=0))
        status = status_of(stage)
        stage.api.answer = lambda _: DENIED
        stage.topic.produce("s/u/1", "t/u/2")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.breaker.holds)
            stage.dead_letters.broken = "no such topic"
            stage.topic.produce("bad")
            await stage.until(lambda: len(stage.breaker.holds) == 2)
            first, second = status.readiness().reasons
            assert first.endswith("one event is sent to find out, once the hold for dead_letters is over")
            assert "the letters are written again to find out, next " in second
            stage.api.answer, stage.dead_letters.broken = lambda _: Accepted(), None

    in_virtual_time(scenario())


@pytest.mark.slow
def test_a_hold_whose_reason_alternates_makes_no_more_lines() -> None:
    async def scenario() -> None:
        stage = Stage(settings(hold_after_unmappable=None))
        stage.topic.produce(*["bad"] * 500)
        stage.source.assign(0)
        with capture_logs() as lines:
            async with running(stage):
                for number in range(600):
                    stage.dead_letters.broken = ("_TRANSPORT", "_MSG_TIMED_OUT")[number % 2]
                    await asyncio.sleep(0.5)
                stage.dead_letters.broken = None
                await stage.settled()
        held = [line for line in lines if line["event"] == "sending.held"]
        assert 3 <= len(held) <= 5
        assert {line["reason"] for line in held} == {"_TRANSPORT", "_MSG_TIMED_OUT"}

    in_virtual_time(scenario())


def test_partitions_without_a_share_of_the_quota_are_a_reason_for_nothing_is_sent() -> None:
    async def scenario() -> None:
        stage = Stage()
        status = status_of(stage)

        async def not_to_be_told() -> None:
            return None

        stage.source.partitions_total, told = not_to_be_told, stage.source.partitions_total
        stage.source.assign(0)
        stage.topic.produce("s/u/1")
        async with running(stage):
            await asyncio.sleep(20)
            (reason,) = status.readiness().reasons
            assert reason.startswith(
                "no share of the quota for 20 s; the partitions of the subscribed topics"
            )
            assert status.gauges().not_ready == {"no_share"}
            stage.source.partitions_total = told
            await stage.until(lambda: status.readiness().ready, seconds=20)

    in_virtual_time(scenario())


def test_no_partitions_is_told_since_when() -> None:
    async def scenario() -> None:
        stage = Stage()
        status = status_of(stage)
        async with running(stage):
            await asyncio.sleep(20)
            assert status.readiness().reasons == ("no partitions assigned for 20 s",)
            stage.source.assign(0)
            await stage.until(lambda: status.readiness().ready)
            stage.source.revoke(0)
            await asyncio.sleep(45)
            assert status.readiness().reasons[0].startswith("no partitions assigned for 45 s")

    in_virtual_time(scenario())


def test_a_revoke_that_takes_long_is_told_as_it_begins_and_as_it_ends() -> None:
    async def scenario() -> None:
        stage = Stage(settings(revoke_seconds=28), TopicTwin(2))
        status = status_of(stage)
        stage.api.answer = failing("bad")
        stage.topic.produce("bad/u/1", "b/u/2", partition=0)
        stage.source.assign(0, 1)
        with capture_logs() as lines:
            async with running(stage):
                await stage.until(lambda: stage.api.accepted["b"])
                stage.source.revoke(0)
                await asyncio.sleep(10)
                (flushing,) = [line for line in lines if line["event"] == "group.flushing"]
                assert (flushing["unsettled_records"], flushing["seconds_left"]) == (1, 28)
                warning = status.status().warnings[0]
                assert warning.startswith(
                    "1 partitions go to another member: 1 records unsettled, flushed for "
                )
                await stage.until(lambda: stage.metrics.counts["revoked"])
                assert status.status().warnings == ()
        (ended,) = [line for line in lines if line.get("kind") == "revoked"]
        assert (ended["unsettled_records"], ended["seconds"]) == (1, 28)

    in_virtual_time(scenario())


def test_a_drain_tells_how_much_time_is_left_and_what_goes_to_the_next_owner() -> None:
    async def scenario() -> None:
        stage = Stage(settings(drain_seconds=20))
        status = status_of(stage)
        stage.api.answer = failing("bad")
        stage.topic.produce("bad/u/1", "bad/u/2", "b/u/3")
        stage.source.assign(0)
        with capture_logs() as lines:
            async with running(stage):
                await stage.until(lambda: stage.api.accepted["b"])
                await asyncio.sleep(10)
                stage.worker.pipeline.stop()
                await asyncio.sleep(8)
                reason = status.readiness().reasons[0]
                assert reason.startswith("draining, 12 s left: 2 records unsettled; ")
                assert not any("for ever" in each for each in status.readiness().reasons)
        began, ended = (line for line in lines if str(line["event"]).startswith("drain."))
        assert (began["unsettled_records"], began["seconds_left"]) == (2, pytest.approx(20, abs=0.2))
        assert (ended["left_to_next_owner"], ended["seconds"]) == (2, pytest.approx(20, abs=0.5))
        assert "for ever" not in str(lines)

    in_virtual_time(scenario())
