"""``try --file``: no Kafka and no configuration is needed to see what becomes of a record."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.builders import record
from worker.cli import main
from worker.core.mapping import compile_mapping
from worker.core.model.records import Interaction

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {
    "eventType": "view",
    "sentAt": 1_700_000_000,
    "sessionId": "s",
    "userId": "u",
    "itemId": "i",
    "eventId": "e",
}
SESSIONLESS = {"eventType": "view", "sentAt": 1_700_000_000, "userId": "u", "context": {"session_id": "s"}}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def put(*records: object, name: str = "records.jsonl") -> str:
    with open(name, "w") as out:  # noqa: PTH123  in the test's own folder
        out.writelines(json.dumps(each) + "\n" for each in records)
    return name


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_of_each_record_it_shows_what_would_be_sent_or_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", "--file", put(GOOD, SESSIONLESS, None)]) == 0
    good, bad, none = capsys.readouterr().out.split("\n\n")
    assert good.startswith("records.jsonl:1\n")
    event = '{"eventType":"view","sentAt":1700000000,"itemId":"i","eventId":"e"}'
    assert f'  event  session "s", user "u"\n    {event}' in good
    assert "  dead letter  missing: session_id: nothing at `sessionId`" in bad
    assert "    sessionId is not there; near it: context.session_id" in bad
    assert "  skipped  by the rule tombstone" in none


def test_an_event_says_which_of_the_mapped_fields_it_lacks_and_what_is_near(
    capsys: pytest.CaptureFixture[str],
) -> None:
    put({"mapping": {"user_id": "user_id", "item_id": "item"}}, name="m.yaml")
    main(["try", "--file", put(GOOD), "--mapping", "m.yaml"])
    assert "no user_id: user_id is not there; near it: userId" in capsys.readouterr().out


def test_as_json_it_is_a_line_a_record(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", "--json", "--file", put(GOOD, SESSIONLESS, None)]) == 0
    good, bad, none = lines(capsys)
    event = {"eventType": "view", "sentAt": 1_700_000_000, "itemId": "i", "eventId": "e"}
    assert good == {
        "at": "records.jsonl:1",
        "events": [{"session_id": "s", "user_id": "u", "event": event}],
        "dead_letter": None,
        "skipped": None,
    }
    assert (bad["events"], bad["dead_letter"]["kind"], bad["skipped"]) == ([], "missing", None)
    assert (none["events"], none["dead_letter"], none["skipped"]) == ([], None, "tombstone")


ORDER = {
    "eventType": "buy",
    "sentAt": 1_700_000_000,
    "sessionId": "s",
    "products": [{"id": "a"}, {"id": ["x"]}, {"id": "free"}, {"id": "b"}],
}
FAN_OUT = {
    "each": "products",
    "item_id": "$each.id",
    "drop": [{"name": "free", "path": "$each.id", "equals": "free"}],
}


def test_of_a_record_with_several_events_each_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    put(FAN_OUT, name="m.yaml")
    assert main(["try", "--json", "--file", put(ORDER), "--mapping", "m.yaml"]) == 0
    (line,) = lines(capsys)
    assert [each["event"]["itemId"] for each in line["events"]] == ["a", "b"]
    assert line["elements"] == [
        {"index": 0, "event": 0},
        {"index": 1, "dead_letter": line["dead_letter"]},
        {"index": 2, "skipped": "free"},
        {"index": 3, "event": 1},
    ]
    assert line["dead_letter"]["kind"] == "wrong_type"
    assert line["skipped"] == "free"
    main(["try", "--file", "records.jsonl", "--mapping", "m.yaml"])
    shown = capsys.readouterr().out
    order = [
        shown.index(each) for each in ("  event 0  ", "  dead letter 1  ", "  skipped 2  ", "  event 3  ")
    ]
    assert order == sorted(order)


def test_of_an_element_the_nearest_path_is_one_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    put({"each": "products", "item_id": "$each.ID"}, name="m.yaml")
    main(["try", "--file", put(ORDER), "--mapping", "m.yaml"])
    assert "no item_id: $each.ID is not there; near it: $each.id" in capsys.readouterr().out


def test_an_event_is_shown_byte_for_byte_as_it_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    value = json.dumps({**GOOD, "eventValue": 1, "properties": {"a": 1.50, "ü": "€"}})
    with open("records.jsonl", "w") as out:  # noqa: PTH123  in the test's own folder
        out.write(value)
    sent = compile_mapping({})(record(value=value.encode()))
    assert isinstance(sent, Interaction)
    for words in (["--json"], []):
        assert main(["try", "--file", "records.jsonl", *words]) == 0
        assert sent.event.decode() in capsys.readouterr().out


def test_where_nothing_maps_the_exit_code_is_1() -> None:
    assert main(["try", "--file", put(SESSIONLESS, None)]) == 1


def test_without_a_record_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", "--file", put()]) == 0
    assert "records.jsonl: it holds no record" in capsys.readouterr().err


def test_five_records_are_shown_unless_it_is_asked_for_more(capsys: pytest.CaptureFixture[str]) -> None:
    put(*[GOOD] * 8)
    main(["try", "--json", "--file", "records.jsonl"])
    assert len(lines(capsys)) == 5
    main(["try", "--json", "--file", "records.jsonl", "--records", "7"])
    assert len(lines(capsys)) == 7


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(GOOD).encode())))
    assert main(["try", "--json", "--file", "-"]) == 0
    assert lines(capsys)[0]["at"] == "-:1"


@pytest.mark.parametrize(
    "written",
    [
        {"mapping": {"session_id": "context.session_id"}},
        {"record": {"mapping": {"session_id": "context.session_id"}}},
        {"session_id": "context.session_id"},
    ],
)
def test_a_mapping_may_stand_alone_as_a_section_or_in_a_configuration(written: object) -> None:
    put(written, name="m.yaml")
    assert main(["try", "--file", put(SESSIONLESS), "--mapping", "m.yaml"]) == 0


def test_a_configuration_s_mapping_counts_and_the_command_line_goes_over_it() -> None:
    put({"record": {"mapping": {"session_id": "userId"}}}, name="c.yaml")
    put({"session_id": "nowhere"}, name="m.yaml")
    words = ["try", "--config", "c.yaml", "--file", put(SESSIONLESS)]
    assert main(words) == 0
    assert main([*words, "--mapping", "m.yaml"]) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--file", "nowhere"], "nowhere: can't be read: No such file or directory"),
        (["--file", "records.jsonl", "--mapping", "nowhere.yaml"], "nowhere.yaml: can't be read"),
        (["--file", "records.jsonl", "--mapping", "wrong.yaml"], "record.mapping.itemid: unknown"),
        (["--file", "records.jsonl", "--mapping", "text.yaml"], "text.yaml: must hold a mapping"),
        (["--file", "records.jsonl", "--format", "morse"], "record.format: "),
        (["--config", "nowhere.yaml"], "nowhere.yaml: can't be read"),
        ([], "kafka.topics: is missing"),
    ],
)
def test_a_mistake_of_the_configuration_exits_2(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put(GOOD)
    put({"itemid": "x"}, name="wrong.yaml")
    put("text", name="text.yaml")
    assert main(["try", *words]) == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("words", "todo"),
    [
        ([], "--config FILE names one"),
        ([], "with --file F, the records of a file are tried without Kafka"),
        (["--file", "records.jsonl", "--format", "tsv"], "can stand in the file that --mapping names"),
        (["--file", "records.jsonl", "--mapping", "wrong.yaml"], None),
        (["--file", "nowhere"], None),
    ],
)
def test_where_a_key_can_stand_is_said_only_if_one_is_missing(
    words: list[str], todo: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    put(GOOD)
    put({"itemid": "x"}, name="wrong.yaml")
    assert main(["try", *words]) == 2
    said = capsys.readouterr().err
    assert (todo or "") in said
    if todo is None:
        assert not said.splitlines()[-1].startswith(("no file", "such keys"))


def test_a_section_without_a_mapping_is_a_section(capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["eventType", "sentAt", "sessionId"]
    put({"record": {"format": "csv", "columns": columns}}, name="m.yaml")
    with open("records.csv", "w") as out:  # noqa: PTH123  in the test's own folder
        out.write("view,1700000000,s\n")
    assert main(["try", "--file", "records.csv", "--mapping", "m.yaml", "--json"]) == 0
    assert lines(capsys)[0]["events"][0]["session_id"] == "s"


def test_other_formats_are_shown_and_suggested_for_too(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"view\ts{n // 3}\tk{n}\t{1_700_000_000 + n}\n" for n in range(30)]
    with open("records.tsv", "w") as out:  # noqa: PTH123  in the test's own folder
        out.writelines(rows)
    columns = ["event", "sid", "sku", "ts"]
    put({"record": {"format": "tsv", "columns": columns}}, name="c.yaml")
    words = ["try", "--config", "c.yaml", "--file", "records.tsv"]
    assert main([*words, "--suggest"]) == 0
    with open("m.yaml", "w") as out:  # noqa: PTH123  as above
        out.write(capsys.readouterr().out)
    assert main([*words, "--mapping", "m.yaml", "--records", "1"]) == 0
    shown = capsys.readouterr().out
    assert '"sku": "k0"' in shown
    assert '"itemId":"k0"' in shown


def test_a_suggestion_is_yaml_that_the_next_try_takes(capsys: pytest.CaptureFixture[str]) -> None:
    put(
        *(
            {"event": "view", "ts": 1_700_000_000_000 + n, "sid": f"s{n // 3}", "sku": f"k{n}"}
            for n in range(30)
        )
    )
    assert main(["try", "--file", "records.jsonl", "--suggest"]) == 0
    shown = capsys.readouterr()
    assert "30 of 30 records map" in shown.err
    with open("m.yaml", "w") as out:  # noqa: PTH123  in the test's own folder
        out.write(shown.out)
    assert main(["try", "--file", "records.jsonl", "--mapping", "m.yaml", "--json", "--records", "1"]) == 0
    (line,) = lines(capsys)
    assert line["events"][0]["session_id"] == "s0"
    assert line["events"][0]["event"]["itemId"] == "k0"


def test_a_suggestion_names_the_format_with_which_the_records_are_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [f"view;s{n // 3};k{n};{1_700_000_000 + n}\n" for n in range(30)]
    with open("records.csv", "w") as out:  # noqa: PTH123  in the test's own folder
        out.writelines(rows)
    columns = ["action", "session", "sku", "time"]
    put({"format": "csv", "delimiter": ";", "columns": columns}, name="columns.yaml")
    assert main(["try", "--file", "records.csv", "--mapping", "columns.yaml", "--suggest"]) == 0
    with open("m.yaml", "w") as out:  # noqa: PTH123  as above
        out.write(capsys.readouterr().out)
    assert main(["try", "--file", "records.csv", "--mapping", "m.yaml", "--json"]) == 0
    assert lines(capsys)[0]["events"][0]["event"]["itemId"] == "k0"


def test_what_is_left_out_of_a_suggestion_is_said_with_what_it_seems_to_be(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with open("records.csv", "w") as out:  # noqa: PTH123  in the test's own folder
        out.write("view;s;k;1700000000\n")
    assert main(["try", "--file", "records.csv", "--suggest"]) == 1
    assert (
        "records.csv:1: the value is not JSON: it does not begin as JSON does; it may be csv, 4 columns"
        in (capsys.readouterr().err)
    )


@pytest.mark.parametrize("command", ["try", "demo"])
def test_a_file_without_its_option_is_told_which(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "records.jsonl"])
    assert end.value.code == 2
    assert "say --file records.jsonl" in capsys.readouterr().err


def test_a_suggestion_of_nothing_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", "--suggest", "--file", put(None, 7)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "left out 2 of 2 records" in shown.err


def test_a_summary_counts_what_a_decision_needs(capsys: pytest.CaptureFixture[str]) -> None:
    events = [
        {**GOOD, "eventId": f"e{n // 2}", "sessionId": f"s{n % 2}", "sentAt": 1_700_000_000 + n}
        for n in range(120)
    ]
    future = {**GOOD, "eventId": "f", "sentAt": 4_000_000_000}
    put(*events, {**GOOD, "userId": None, "itemId": None, "eventId": None}, future, SESSIONLESS, None)
    assert main(["try", "--file", "records.jsonl", "--summary", "1000", "--json"]) == 0
    (found,) = lines(capsys)
    assert (found["records"], found["records_that_map"], found["events"]) == (124, 122, 122)
    assert (found["sessions"], found["users"]) == (3, 1)
    assert (found["events_without_user"], found["events_without_item"], found["events_without_own_id"]) == (
        1,
        1,
        1,
    )
    assert (found["repeated_event_ids"], found["users_without_session"], found["events_in_future"]) == (
        60,
        1,
        1,
    )
    (letter,) = found["dead_letters"]
    assert (letter["kind"], letter["count"], letter["first"]) == ("missing", 1, "records.jsonl:123")
    assert found["skipped"] == {"tombstone": 1}
    assert found["calls"] == 122
    assert found["pace"]["by"] == "event time"
    assert main(["try", "--file", "records.jsonl", "--summary", "1000"]) == 0
    table = capsys.readouterr().out
    assert "records with a user and no session" in table
    assert "  missing, first at records.jsonl:123" in table
    assert "    session_id: nothing at `sessionId`" in table
