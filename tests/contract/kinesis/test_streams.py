"""A stream does what is stated, whoever plays it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.kinesis.of_streams import STATEMENTS
from tests.contract.kinesis.statements import OF_STREAMS, trials
from tests.contract.kinesis.stream import StreamStand
from worker.local.kinesis.endpoint import LocalKinesis

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.kinesis.statements import Statement, Subject


@pytest.mark.parametrize(("subject", "statement"), trials(STATEMENTS, OF_STREAMS))
async def test_a_stream_does_what_is_stated(
    address_of: Callable[[str], str], subject: Subject, statement: Statement
) -> None:
    if subject == "stand_in":
        async with LocalKinesis(statement.behaviour) as local:
            stand = StreamStand(subject, "kinesis", local.url)
            stand.local = local
            await stand.open()
            await statement.run(stand)
        return
    stand = StreamStand(subject, "kinesis", address_of(subject))
    await stand.open()
    try:
        await statement.run(stand)
    finally:
        await stand.close()
