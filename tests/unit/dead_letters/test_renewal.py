"""A writer of letters whose login changes: none is lost, and none is written twice for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.builders import record
from tests.unit.dead_letters.test_writer import QUICK, QUIET, REASON, read, writing
from worker.core.model import dead_letter_headers as names
from worker.local.kafka import EmbeddedKafka
from worker.ports import DeadLettersUnwritable

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


@pytest.fixture
def kafka() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka({"dead": 1}) as kafka:
        yield kafka


def settings(kafka: EmbeddedKafka, **changed: object) -> dict[str, object]:
    return {**QUIET, **QUICK, "bootstrap.servers": kafka.bootstrap_servers, **changed}


@pytest.mark.parametrize("anew", [True, False])
async def test_letters_go_on_by_the_new_login(kafka: EmbeddedKafka, *, anew: bool) -> None:
    """Those under way are waited for, so that each is written once."""
    async with writing(kafka) as letters:
        kafka.set_round_trip_ms(100)
        before = letters._producer  # noqa: SLF001  no edge shows it
        under_way = [asyncio.create_task(letters.write(record(each), REASON, 0)) for each in range(5)]
        await asyncio.sleep(0)
        letters.renew(settings(kafka, **{"sasl.username": "u", "sasl.password": "p"}), anew=anew)
        later = [asyncio.create_task(letters.write(record(each), REASON, 0)) for each in range(5, 10)]
        await asyncio.gather(*under_way, *later)
        assert (letters._producer is before) is not anew  # noqa: SLF001  as above
    offsets = [int(dict(each.headers() or [])[names.ORIGINAL_OFFSET] or b"") for each in read(kafka, 11)]
    assert offsets == list(range(10))


async def test_a_login_that_librdkafka_can_t_use_is_tried_again(kafka: EmbeddedKafka) -> None:
    """The caller hears that its letter is not written, and comes again."""
    async with writing(kafka) as letters:
        broken = {"security.protocol": "ssl", "ssl.ca.location": "/nowhere/ca.crt"}
        letters.renew(settings(kafka, **broken), anew=True)
        for _ in range(2):
            with pytest.raises(DeadLettersUnwritable):
                await letters.write(record(0), REASON, 0)
        letters.renew(settings(kafka), anew=False)
        await letters.write(record(0), REASON, 0)
