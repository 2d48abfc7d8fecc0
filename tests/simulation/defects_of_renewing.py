"""Defects in how a consumer takes the place of another. See ``defects``."""
# ruff: noqa: SLF001  they are planted where the real code is private, whatever its types

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.planting import defect
from worker.sources.kafka.source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import Callable


@defect(KafkaSource, "_renew")
def goes_on_with_what_its_consumer_has_left(_: Callable[..., Any]) -> Any:
    async def wrong(source: KafkaSource, settings: dict[str, object], _: object) -> None:
        source._renewed = None
        before, source._client = source._client, source._make(settings)
        # Nothing that it says is heard any more.
        before._is_given_up = True
        await before.close()
        await source._join()

    return wrong
