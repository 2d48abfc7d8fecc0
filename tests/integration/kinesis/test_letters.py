"""Dead letters in a stream come back: a mapping was wrong, is fixed, and its letters are replayed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.exceptions import ClientError

from tests.support.kinesis_site import KinesisSite
from tests.support.kinesis_standin import StandIn
from tests.support.samples import only_ci, only_long, sample
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import Process

pytestmark = pytest.mark.slow

WRONG: Final = {"mapping": {"session_id": "visit"}}
SECONDS: Final = 90.0
KILLS: Final = sample(1, 3)
EVENTS: Final = sample(150, 400)


@pytest.fixture
def at_the_stand_in(tmp_path: Path) -> Iterator[KinesisSite]:
    """A site of this test alone, whose letters go to three shards."""
    stand_in = StandIn(tmp_path / "stand-in.log")
    try:
        with KinesisSite(tmp_path, stand_in.url, stand_in.url, shards=2, letter_shards=3) as site:
            yield site
    finally:
        stand_in.kill()


def dead_letter(site: KinesisSite, count: int) -> None:
    """Put so many events, which a wrong mapping makes letters of."""
    site.ledger.put(site.stream, count)
    worker = site.start_worker("wrong", record=WRONG, dead_letters={"hold_after_unmappable": None})
    until(lambda: site.rows() and not site.unfinished(), SECONDS, forgiving=ClientError)
    worker.told_to_end()
    assert worker.exit_code(SECONDS) == 0
    # Nothing of it was accepted, so what the watch finds ahead are the letters.
    site.watch.stop()


def run(site: KinesisSite, *words: str, **sections: dict[str, Any]) -> tuple[int, str]:
    """Exit code and output of a ``dead-letters`` command."""
    command = site.start_command("dead-letters", *words, **sections)
    return command.exit_code(SECONDS), command.log.read_text()


def listed(site: KinesisSite, *words: str) -> Any:
    code, told = run(site, "list", "--json", *words)
    assert code == 0, told
    return json.loads(told.splitlines()[-1])


def exported(site: KinesisSite, *words: str) -> list[dict[str, Any]]:
    code, told = run(site, "export", *words)
    assert code == 0, told
    # What the command says besides stands in the same log.
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    return [each for each in lines if "letter" in each]


def assert_all_came_back(site: KinesisSite) -> None:
    """Each under the id that it had, in the order of its session."""
    found = site.audit()
    assert (found.lost, found.out_of_order, found.unknown) == ((), (), ())
    assert site.endpoint.summary().max_concurrent_in_session == 1


def kill_after(replay: Process, site: KinesisSite, events: int) -> None:
    def are_accepted() -> bool:
        replay.complain_if_ended()
        return site.endpoint.summary().accepted_events >= events

    until(are_accepted, SECONDS, what=f"{events} events being accepted")
    replay.kill()


@only_long
def test_after_the_mapping_is_fixed_all_come_back(at_the_stand_in: KinesisSite) -> None:
    site = at_the_stand_in
    dead_letter(site, 400)
    counts = listed(site)
    assert (counts["topic"], counts["letters"]) == (site.letters, 400)
    assert [(each["class"], each["letters"]) for each in counts["reasons"]] == [("missing", 400)]
    assert counts["topics"] == {site.stream: 400}

    code, rehearsed = run(site, "replay", "--dry-run", record=WRONG)
    assert (code, bool(re.search(r"^would fail again +400$", rehearsed, re.MULTILINE))) == (0, True)
    code, told = run(site, "replay", "--calls-per-second", "1000")
    assert code == 0, told
    assert_all_came_back(site)
    assert not site.audit().repeated

    code, told = run(site, "replay")
    assert code == 0, told
    assert site.endpoint.summary().accepted_events == 400, "a second start has nothing to do"


@only_long
def test_letters_are_shown_chosen_and_exported(at_the_stand_in: KinesisSite) -> None:
    site = at_the_stand_in
    dead_letter(site, 30)
    code, shown = run(site, "show", "--limit", "30")
    assert code == 0
    places = re.findall(r"^letter +(\d:\d{56})$", shown, re.MULTILINE)
    assert len(set(places)) == 30
    original = re.search(rf"^original +{site.stream}\[(\d)\]@(\d{{56}}), ", shown, re.MULTILINE)
    assert original is not None
    lines = exported(site, "--letter", places[3], "--letter", places[4])
    letters = [f"{each['letter']['partition']}:{each['letter']['offset']}" for each in lines]
    assert sorted(letters) == sorted(places[3:5])
    assert json.loads(lines[0]["value"])["eventType"] == "view"
    number, sequence = original.groups()
    (one,) = {listed(site, "--partition", number, "--offsets", f"{sequence}..{sequence}")["letters"]}
    assert one == 1


@only_ci
@pytest.mark.long
def test_killed_in_the_middle_it_goes_on_where_it_stopped(at_the_stand_in: KinesisSite) -> None:
    site = at_the_stand_in
    dead_letter(site, EVENTS)
    for _ in range(KILLS):
        words = ("dead-letters", "replay", "--calls-per-second", "60", "--wave", "50")
        replay = site.start_command(*words)
        kill_after(replay, site, site.endpoint.summary().accepted_events + 70)
    code, told = run(site, "replay", "--wave", "50", "--calls-per-second", "1000")
    assert code == 0, told
    found = site.audit()
    assert (found.lost, found.unknown) == ((), ())
    # Of each kill a part of one wave.
    assert len(found.repeated) <= KILLS * 50
    accepted = site.endpoint.summary().accepted_events
    code, told = run(site, "replay", "--wave", "50")
    assert (code, site.endpoint.summary().accepted_events) == (0, accepted)


@only_long
def test_what_fails_again_is_a_letter_again_and_left_for_the_next_replay(
    at_the_stand_in: KinesisSite,
) -> None:
    site = at_the_stand_in
    dead_letter(site, 60)
    code, told = run(site, "replay", "--calls-per-second", "1000", record=WRONG)
    assert (code, bool(re.search(r"^failed again +60$", told, re.MULTILINE))) == (1, True)
    counts = listed(site)
    assert (counts["letters"], counts["replayed_before"]) == (120, 60)
    code, told = run(site, "replay", "--calls-per-second", "1000", "--from-start")
    assert code == 0, told
    assert_all_came_back(site)
    assert not site.audit().repeated, "of two letters of a record the later one counts"


@only_long
def test_from_shards_that_were_split_and_merged_all_come_back(at_the_stand_in: KinesisSite) -> None:
    site = at_the_stand_in
    dead_letter(site, 100)
    first, second, _ = site.kinesis.list_shards(StreamName=site.letters)["Shards"]
    middle = str(int(first["HashKeyRange"]["EndingHashKey"]) // 2)
    site.kinesis.split_shard(
        StreamName=site.letters, ShardToSplit=first["ShardId"], NewStartingHashKey=middle
    )
    site.wait_until_active(site.letters)
    dead_letter(site, 100)
    shards = {each["ShardId"]: each for each in site.kinesis.list_shards(StreamName=site.letters)["Shards"]}
    upper = max(each for each in shards if shards[each].get("ParentShardId") == first["ShardId"])
    site.kinesis.merge_shards(
        StreamName=site.letters, ShardToMerge=upper, AdjacentShardToMerge=second["ShardId"]
    )
    site.wait_until_active(site.letters)
    code, told = run(site, "replay", "--calls-per-second", "1000", "--wave", "70")
    assert code == 0, told
    dead_letter(site, 100)
    code, told = run(site, "replay", "--calls-per-second", "1000", "--wave", "70")
    assert code == 0, told
    found = site.audit()
    assert (found.lost, found.unknown, found.repeated) == ((), (), ())


@only_long
def test_what_is_no_letter_is_counted_and_left_out(at_the_stand_in: KinesisSite) -> None:
    site = at_the_stand_in
    dead_letter(site, 20)
    assert {each["original"]["topic"] for each in exported(site)} == {site.stream}
    for broken in (b"", b"\xff", b"{", b"[]", b'{"headers":{}}', b'{"headers":{"a":1}}', b"[" * 5000):
        site.kinesis.put_record(StreamName=site.letters, Data=broken or b" ", PartitionKey="k")
    forged = {"headers": {"personalize-worker.original.topic": "a b"}, "value_base64": "?"}
    site.kinesis.put_record(StreamName=site.letters, Data=json.dumps(forged).encode(), PartitionKey="k")
    code, told = run(site, "list")
    assert (code, "left out, because their headers name no position: 8 records" in told) == (0, True)
    code, told = run(site, "replay", "--calls-per-second", "1000")
    assert code == 0, told
    assert re.search(r"^ +not written by the worker +8$", told, re.MULTILINE)
    assert_all_came_back(site)


@only_long
def test_a_stream_or_a_table_that_is_not_there_is_told(at_the_stand_in: KinesisSite) -> None:
    site = at_the_stand_in
    code, told = run(site, "list", dead_letters={"stream": "nowhere"})
    assert (code, "dead-letter stream nowhere: ResourceNotFound" in told) == (1, True)
    code, told = run(site, "replay", kinesis={"create_table": False})
    assert code == 1
    assert f"aws dynamodb create-table --table-name {site.table}.dead-letters.replay" in told


@only_long
def test_an_emulator_s_letters_come_back_over_a_kill(site: KinesisSite) -> None:
    dead_letter(site, 300)
    replay = site.start_command("dead-letters", "replay", "--calls-per-second", "60", "--wave", "50")
    kill_after(replay, site, 100)
    code, told = run(site, "replay", "--wave", "50", "--calls-per-second", "1000")
    assert code == 0, told
    found = site.audit()
    assert (found.lost, found.unknown) == ((), ())
