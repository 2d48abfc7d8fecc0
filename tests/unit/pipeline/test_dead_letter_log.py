"""Dead letters are said in the log: by reason and count, not one by one, and nothing of the records."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from structlog.testing import capture_logs

from tests.support.stage import Stage, running
from tests.support.virtual_time import in_virtual_time
from worker.core.model.outcomes import Accepted, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def written(logs: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    return [(each["reason"], each["records"]) for each in logs if each["event"] == "dead_letters.written"]


def test_the_first_is_said_at_once_and_how_many_came_since_a_little_later() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.topic.produce(*["bad"] * 80)
        stage.source.assign(0)
        with capture_logs() as logs:
            async with running(stage):
                await stage.settled()
                assert written(logs) == [("not_json", 1)]
                await asyncio.sleep(11)
                assert written(logs) == [("not_json", 1), ("not_json", 79)]
                await asyncio.sleep(3600)
                assert len(written(logs)) == 2

    in_virtual_time(scenario())


def test_a_worker_that_ends_says_what_it_has_not_said() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.topic.produce(*["bad"] * 80)
        stage.source.assign(0)
        with capture_logs() as logs:
            async with running(stage):
                await stage.settled()
        assert Counter(dict(written(logs))) == {"not_json": 79}

    in_virtual_time(scenario())


def test_a_topic_with_bad_records_all_day_makes_few_lines_and_all_are_counted() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.source.assign(0)
        with capture_logs() as logs:
            async with running(stage):
                for number in range(3600):
                    stage.topic.produce("bad", f"s/u/{number}")
                    await asyncio.sleep(1)
                await stage.settled()
        lines = written(logs)
        assert sum(records for _, records in lines) == 3600
        assert len(lines) < 20

    in_virtual_time(scenario())


def test_of_what_the_api_refused_only_the_code_is_said() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.api.answer = lambda batch: (
            Refused("InvalidInputException", "user 4711 is not known")
            if batch.session_id == "bad"
            else Accepted()
        )
        stage.topic.produce("bad/4711/4711", "good/u/1")
        stage.source.assign(0)
        with capture_logs() as logs:
            async with running(stage):
                await stage.settled()
        (line,) = [each for each in logs if each["event"] == "dead_letters.written"]
        assert (line["reason"], line["latest"], line["records"]) == ("refused", "InvalidInputException", 1)
        assert "4711" not in str(logs)

    in_virtual_time(scenario())
