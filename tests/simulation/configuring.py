"""The configuration of one worker of a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.twins import TOPIC
from worker.settings import (
    BatchingSettings,
    DeadLetterSettings,
    KafkaSettings,
    LimitSettings,
    PersonalizeSettings,
    RetrySettings,
    Settings,
    ShutdownSettings,
)

if TYPE_CHECKING:
    from tests.simulation.schedule import MemberSettings


def configuration(settings: MemberSettings) -> Settings:
    """A whole one, with what the schedule says of it."""
    return Settings(
        kafka=KafkaSettings(
            bootstrap_servers="127.0.0.1:9092",
            topics=(TOPIC,),
            revoke_seconds=settings.revoke_seconds,
            commit_seconds=settings.commit_seconds,
        ),
        personalize=PersonalizeSettings(
            tracking_id="t",
            requests_per_second=settings.requests_per_second,
            max_in_flight=settings.max_in_flight,
        ),
        batching=BatchingSettings(
            linger_seconds=settings.linger_seconds, max_events=settings.max_events, order=settings.order
        ),
        retry=RetrySettings(max_wait_seconds=settings.max_wait_seconds),
        dead_letters=DeadLetterSettings(
            topic="dead",
            hold_after_refusals=settings.hold_after_refusals,
            hold_after_unmappable=settings.hold_after_unmappable,
        ),
        limits=LimitSettings(
            max_unsettled_records=settings.max_unsettled_records,
            max_unsettled_bytes=settings.max_unsettled_bytes,
            max_age_seconds=settings.max_age_seconds,
            when_too_old=settings.when_too_old,
        ),
        shutdown=ShutdownSettings(drain_seconds=settings.drain_seconds),
    )
