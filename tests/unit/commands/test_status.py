"""What the command ``status`` prints, and its exit code."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from worker.cli import main
from worker.commands.status import _ask_one_of, _place, _why
from worker.core.model.snapshot import HoldStatus, WaitsFor
from worker.core.model.worker_status import (
    DoneStatus,
    MemoryStatus,
    PartitionStatus,
    ScalingStatus,
    SendingStatus,
    SessionStatus,
    WorkerStatus,
)
from worker.core.scaling.demand import Bound
from worker.settings import AdminSettings
from worker.status.page import page
from worker.status.words import ago, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HELD = WaitsFor("hold", 300, code="misconfigured")
HOLD = HoldStatus(
    kind="misconfigured",
    reason="AccessDeniedException",
    held_seconds=300,
    probe="one event is sent",
    next_probe_seconds=12,
    advice="allow it",
)


def partition(number: int, waits_for: WaitsFor, unsettled: int = 5) -> PartitionStatus:
    return PartitionStatus(
        topic="interactions",
        partition=number,
        committed_offset=None,
        settled_offset=1_000,
        received_offset=1_005,
        end_offset=12_345,
        lag_records=11_345,
        unsettled_records=unsettled,
        oldest_seconds=301.0 if unsettled else 0.0,
        oldest_age_seconds=3_600.0 if unsettled else None,
        waits_for=waits_for,
    )


def status(*reasons: str, partitions: tuple[PartitionStatus, ...] = ()) -> WorkerStatus:
    session = SessionStatus(
        hash="0123456789abcdef",
        events=3,
        oldest_seconds=301.0,
        topic="interactions",
        partition=3,
        offset=1_000,
        waits_for=WaitsFor("retry", 70, 4, "ThrottlingException"),
    )
    return WorkerStatus(
        ready=not reasons,
        reasons=reasons,
        version="1.2.3",
        up_seconds=7200.0,
        group="g",
        holds=(HOLD,) if reasons else (),
        sending=SendingStatus(
            quota_calls_per_second=1000,
            share_ratio=0.5,
            rate_calls_per_second=500,
            borrowed_calls_per_second=0,
            throttled_seconds=None,
            in_flight=0,
            max_in_flight=64,
            batches=1,
            retrying=1,
        ),
        memory=MemoryStatus(
            unsettled_records=5,
            max_unsettled_records=100_000,
            unsettled_bytes=1 << 20,
            max_unsettled_bytes=128 << 20,
            paused=bool(reasons),
        ),
        scaling=ScalingStatus(desired_workers=4, bound=Bound.QUOTA),
        done=DoneStatus(
            delivered=20_000,
            dead_lettered={"missing": 20, "out_of_range": 1_080, "refused": 0},
            skipped={"tombstone": 0, "too_old": 0},
        ),
        clock_ahead_seconds=-312.0,
        partitions_total=len(partitions),
        partitions=partitions,
        sessions_total=1,
        sessions=(session,),
    )


@contextmanager
def serving(body: bytes, code: int = 200, *, host: str = "127.0.0.1") -> Iterator[str]:
    """A server that has this one answer; gives its address."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(HTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    with Server((host, 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"{host}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_what_keeps_it_from_being_ready_stands_on_top() -> None:
    lines = list(page(status("held for 300 s: misconfigured: X; allow it; probe", "draining"), None))
    assert lines[:4] == [
        "NOT READY  held for 300 s: misconfigured: X",
        "           allow it",
        "           probe",
        "           draining",
    ]


def test_of_a_worker_that_is_ready_the_oldest_record_is_told() -> None:
    assert next(page(status(partitions=(partition(3, WaitsFor("quota", 2.0)),)), None)) == (
        "READY  the oldest record came 5 min ago and is 60 min old, in interactions[3], "
        "and waits for quota, 2.0 s"
    )
    idle = partition(3, WaitsFor("nothing"), unsettled=0)
    assert next(page(status(partitions=(idle,)), None)) == (
        "READY  nothing is unsettled; the next record waits for nothing"
    )


def test_the_numbers_follow() -> None:
    text = "\n".join(page(status("held"), "3 members, stable"))
    assert "worker     1.2.3, up 2 h" in text
    assert "group      g: 3 members, stable" in text
    assert "sending    50.0% of the quota of 1,000 calls/s, held: no calls but probes; 0 of 64 calls" in text
    assert "memory     5 of 100,000 records, 1.0 of 128.0 MiB; receiving is paused" in text
    assert "wanted     workers of the whole group: 4: the quota is the limit" in text
    assert "clock      312 s behind the API's" in text
    dead_letters = "1,100 dead letters (out_of_range 1,080, missing 20)"
    assert f"done       20,000 delivered, {dead_letters}, 0 skipped, since the start" in text
    assert "0123456789abcdef  interactions[3]@1000" in text
    assert "try 5 of its call, after ThrottlingException, 70 s" in text


@pytest.mark.parametrize("bound", Bound)
def test_whatever_decides_how_many_workers_are_wanted_has_words(bound: Bound) -> None:
    assert wanted(ScalingStatus(desired_workers=1_200, bound=bound)).startswith("1,200: ")
    assert wanted(ScalingStatus(desired_workers=None, bound=bound)).startswith("not known: ")


@pytest.mark.parametrize(
    ("borrowed", "throttled_seconds", "pace"),
    [
        (0, None, "at most 500.0 calls/s; "),
        (120, None, "at most 500.0 calls/s, 120.0 of them borrowed from other pods; "),
        (0, 300, "throttled to 500.0 calls/s for 5 min; "),
    ],
)
def test_how_many_calls_may_go_is_told_with_why(
    borrowed: float, throttled_seconds: float | None, pace: str
) -> None:
    said = status()
    assert said.sending is not None
    sending = structs.replace(
        said.sending, borrowed_calls_per_second=borrowed, throttled_seconds=throttled_seconds
    )
    text = "\n".join(page(structs.replace(said, sending=sending), None))
    assert f"sending    50.0% of the quota of 1,000 calls/s, {pace}" in text


def test_what_is_wrong_while_records_are_delivered_follows_on_top() -> None:
    said = structs.replace(status("held; allow it"), warnings=("throttled; lower it", "keys"))
    assert list(page(said, None))[:5] == [
        "NOT READY  held",
        "           allow it",
        "WARNING    throttled",
        "           lower it",
        "           keys",
    ]
    assert list(page(structs.replace(status(), warnings=("throttled",)), None))[:2] == [
        "READY  nothing waits",
        "WARNING    throttled",
    ]


def test_what_retention_took_is_told_and_where() -> None:
    assert "lost" not in "\n".join(page(status(partitions=(partition(3, HELD),)), None))
    taken = structs.replace(partition(3, HELD), lost_records=1200)
    shown = structs.replace(status(partitions=(taken,)), records_lost=4900)
    text = "\n".join(page(shown, None))
    assert "lost       4,900 records, deleted by Kafka before they were read" in text
    assert "interactions[3] 1,200" in text


def test_columns_stand_below_their_heads() -> None:
    shown = status("held", partitions=(partition(3, HELD), partition(12, WaitsFor("linger"))))
    lines = list(page(shown, None))
    begin = next(number for number, line in enumerate(lines) if line.startswith("PARTITION"))
    head, first, second = lines[begin : begin + 3]
    for name in ("SETTLED", "LAG", "OLDEST", "AGE"):
        end = head.index(name) + len(name)
        assert first[end - 1] != " "
        assert first[end] == second[end] == " "
    assert first.endswith("the hold to end: misconfigured, 5 min")
    assert second.index("others of") == head.index("WAITS FOR")
    assert "  -  " in first  # what is not known


def test_of_many_partitions_the_worst_are_shown_and_the_rest_counted() -> None:
    lines = list(page(status(partitions=tuple(partition(n, HELD) for n in range(50))), None))
    assert sum("interactions[" in line and "12,345" in line for line in lines) == 20
    assert "and 30 more partitions, none of them worse" in lines


@given(st.floats(0, 1e9))
def test_a_duration_is_a_few_characters_whatever_it_is(seconds: float) -> None:
    assert len(ago(seconds)) <= 9


@pytest.mark.parametrize(("reasons", "code"), [((), 0), (("draining",), 1)])
def test_the_exit_code_says_whether_it_is_ready(
    reasons: tuple[str, ...], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    said = status(*reasons)
    with serving(msgspec.json.encode(said) + b"\n") as address:
        assert main(["status", "--address", address]) == code
        assert capsys.readouterr().out.splitlines() == list(page(said, None))
        assert main(["status", "--address", address, "--json"]) == code
        assert msgspec.json.decode(capsys.readouterr().out, type=WorkerStatus) == said


DEEP = b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"Not Found\n", 404),
        (b"[]", 200),
        (b"{", 200),
        (b"\xff", 200),
        (DEEP, 200),
        (b'{"\xff": "\xff"}', 200),
    ],
    ids=["404", "array", "cut", "byte", "deep", "text that is not UTF-8"],
)
def test_what_is_no_status_is_not_reachable(
    body: bytes, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(body, code) as address:
        assert main(["status", "--address", address]) == 1
    assert capsys.readouterr().out.startswith(f"NOT REACHABLE  no status at {address}: ")


def test_nobody_there_is_not_reachable(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["status", "--address", address]) == 1
    shown = capsys.readouterr().out
    assert f"{address}: Connection refused; is a worker running there? --address or --config says" in shown


def test_a_worker_that_stands_still_is_told_from_one_that_is_not_there() -> None:
    assert "restart it" in _why(TimeoutError("timed out"))


def test_what_a_stranger_says_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 500 \x1b[2J\x1b]0;x\x07\r\nContent-Length: 0\r\n\r\n")

        stranger = threading.Thread(target=answer)
        stranger.start()
        assert main(["status", "--address", f"127.0.0.1:{port}"]) == 1
        stranger.join()
    shown = capsys.readouterr().out
    assert "it answers 500" in shown
    assert shown.rstrip("\n").isprintable()


@pytest.mark.parametrize(
    "address",
    ["", "127.0.0.1", ":9090", "127.0.0.1:", "127.0.0.1:x", "a..b:1", ".a:1", "é..x:1", f"{'a' * 64}:1"],
)
def test_a_wrong_address_exits_2(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--address", address]) == 2
    assert "HOST:PORT" in capsys.readouterr().out


CONFIG = """\
kafka: {bootstrap_servers: '127.0.0.1:9', topics: [a]}
personalize: {tracking_id: t}
dead_letters: {topic: d}
admin: {host: 127.0.0.1, port: %s}
"""


def test_the_configuration_says_where_to_ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.yaml"
    with serving(msgspec.json.encode(status())) as address:
        path.write_text(CONFIG % address.partition(":")[2])
        assert main(["status", "--config", str(path), "--json"]) == 0
    path.write_text(CONFIG % 0)
    assert main(["status", "--config", str(path)]) == 2
    assert "--address" in capsys.readouterr().out
    assert main(["status", "--config", str(tmp_path / "none.yaml")]) == 2
    assert "can't be read" in capsys.readouterr().out


def test_when_kafka_does_not_say_how_many_members_there_are_the_rest_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG % 9090)
    with serving(msgspec.json.encode(status())) as address:
        assert main(["status", "--config", str(path), "--address", address]) == 0
    shown = capsys.readouterr().out
    assert "group      g: members not known" in shown
    assert "; --config is another worker's, of personalize-worker\n" in shown


def test_of_the_worker_s_own_configuration_nothing_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG.replace("topics: [a]", "topics: [a], group_id: g") % 9090)
    with serving(msgspec.json.encode(status())) as address:
        assert main(["status", "--config", str(path), "--address", address]) == 0
    assert "--config" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        (None, ("127.0.0.1", "::1")),
        ("::", ("127.0.0.1", "::1")),
        ("0.0.0.0", ("127.0.0.1", "::1")),  # noqa: S104  the value under test
        ("::1", ("::1",)),
        ("10.0.0.1", ("10.0.0.1",)),
    ],
)
def test_a_worker_that_listens_everywhere_is_asked_on_this_machine(
    host: str | None, asked: tuple[str, ...]
) -> None:
    assert _place(None, AdminSettings(host=host)) == (asked, 9090)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_a_worker_that_has_ipv6_only_is_asked_there() -> None:
    """Nobody answers at 127.0.0.1 in such a pod."""
    with serving(msgspec.json.encode(status()), host="::1") as address:
        port = int(address.rpartition(":")[2])
        assert _ask_one_of(("127.0.0.1", "::1"), port) == msgspec.json.encode(status())


def test_an_ipv6_address_is_taken_in_brackets() -> None:
    assert _place("[::1]:9090", AdminSettings()) == (("::1",), 9090)
