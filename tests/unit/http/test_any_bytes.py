"""Whatever bytes come in on the way to the API, nothing raises, and nothing else is taken for accepted.

Client, connections and processes are real; what is at the other end says what hypothesis likes.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import pytest
import uvloop
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.samples import sample
from tests.unit.delivery.endpoint import Act, Endpoint
from tests.unit.http.posting import HEADERS, OK, transport_to
from tests.unit.http.test_dialing import serving
from worker.aws import boto_subprocess
from worker.aws.boto_subprocess import BotoSubprocess
from worker.aws.clock import ApiClock
from worker.aws.endpoint import UnusableSettings, tls_context
from worker.aws.provider_chain import CredentialsUnavailable
from worker.aws.services import PERSONALIZE_EVENTS, Wanted
from worker.core.model.outcomes import Accepted, Misconfigured, Refused, Throttled, TransientFault
from worker.delivery.codes import DELIVERY_CODES
from worker.delivery.reply import read
from worker.http.errors import ANSWER_TIMEOUT, CONNECTION_RESET, TransportError
from worker.http.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_700_000_000.0
ENDPOINT = "https://personalize.invalid"
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
# Each example has a server or files of its own; what the fixtures give is the same for all.
real = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])

LINES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 000 X\r\n",
        b"HTTP/1.1 999 X\r\n",
        b"HTTP/1.1 99999 X\r\n",
        b"HTTP/1.1 -20 X\r\n",
        b"HTTP/9.9 503 X\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 P\r\n\r\n" * 500,
        b"HTTP/1.1 204 X\r\n",
        b"HTTP/1.1 304 X\r\n",
        b"HTTP/1.1 403 \xe9\xff\r\n",
        b"HTTP/1.1 503 Service Unavailable\r\n",
        b"HTTP/1.1 400 Bad\r\n",
        b"HTTP/1.1 429 \x00\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
        b"220 smtp ready\r\n",
    ]
)
NAMES = st.sampled_from(
    [
        b"Date",
        b"X-Amzn-ErrorType",
        b"Retry-After",
        b"x-amz-retry-after",
        b"x-amzn-requestid",
        b"Content-Length",
        b"Transfer-Encoding",
        b"Content-Encoding",
        b"Connection",
        b"Content-Type",
        b"Upgrade",
        b"\xff",
        b"",
    ]
)
VALUES = st.binary(max_size=20) | st.sampled_from(
    [
        b"0",
        b"2",
        b"7",
        b"-1",
        b"99999999999999999999",
        b"inf",
        b"nan",
        b"1e999",
        "٣".encode(),
        b"\xb2",
        b"1_0",
        b"chunked",
        b"gzip",
        b"gzip, chunked",
        b"close",
        b"keep-alive",
        b"upgrade",
        b"ThrottlingException",
        b"a#b:c",
        b"#",
        b":",
        b"x" * 9000,
        b"Tue, 14 Nov 2023 23:59:59 GMT",
        b"Sat, 99 Foo 99999999999 99:99:99 GMT",
        b"1 Jan 99999999999999999999 00:00:00 +9999",
        b"Tue, 14 Nov 0000 23:59:59 -0000",
    ]
)
BODIES = st.binary(max_size=40) | st.sampled_from(
    [
        b"{}",
        b'{"message":"caf\xe9"}',
        b'{"__type":"\\ud800"}',
        b'{"code":1e999}',
        b'"\xff"',
        b'{"\xff":1}',
        b"[" * 3000,
        b'{"__type":["x"],"message":{}}',
        b"<html>\xe9</html>",
        b"\x1f\x8b\x08\x00\x00",
        b"9" * 5000,
        b"5\r\nhello\r\n0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"-1\r\n",
        b"0\r\n" + b"T: t\r\n" * 50 + b"\r\n",
        b"Z\r\n",
    ]
)
HEADS = st.lists(st.tuples(NAMES, VALUES), max_size=5).map(
    lambda lines: b"".join(b"%b: %b\r\n" % line for line in lines) + b"\r\n"
)
SAID = st.lists(st.one_of(LINES, HEADS, BODIES), max_size=6).map(b"".join)
# Until the next one must have been answered, however busy the machine is.
MOST_CALLS = 10
ENDS = st.sampled_from(["close", "reset", "close", "reset", "keep"])


@pytest.fixture(params=sorted(LOOPS), scope="module")
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield runner


@real
@given(SAID, ENDS)
def test_no_answer_makes_a_call_raise_or_spoils_the_next_one(
    runner: asyncio.Runner, said: bytes, then: str
) -> None:
    clock = ApiClock(lambda: NOW)

    async def play() -> None:
        # Only what is left hanging takes all the time there is.
        seconds = 0.3 if then == "keep" else 30.0
        async with (
            Endpoint(Act(said, then=then)) as endpoint,
            transport_to(endpoint.url, seconds=seconds, on_date=clock.observe) as transport,
        ):
            got = await transport.post(HEADERS, b"{}")
            assert isinstance(got, Reply | TransportError)
            if isinstance(got, Reply):
                classified = read(got, NOW)
                assert isinstance(classified, Accepted | Misconfigured | TransientFault | Refused | Throttled)
                assert not isinstance(classified, Accepted) or b" 200" in said
            ahead = clock.ahead_seconds()
            assert ahead is None or math.isfinite(ahead)
            # On a busy machine it may not have been said in time, or the connection's end not been heard.
            endpoint.acts.clear()
            for _ in range(MOST_CALLS):
                if (after := await transport.post(HEADERS, b"{}")) not in {ANSWER_TIMEOUT, CONNECTION_RESET}:
                    break
            assert after == OK

    runner.run(play())


@real
@given(SAID, ENDS, st.booleans(), st.booleans())
def test_nothing_that_a_proxy_says_makes_a_call_raise_or_leaves_a_connection(  # noqa: PLR0913, PLR0917  hypothesis' way
    runner: asyncio.Runner,
    certificate: Path,
    said: bytes,
    then: str,
    secure: bool,  # noqa: FBT001  hypothesis' way
    granted: bool,  # noqa: FBT001  as above
) -> None:
    """Before it grants the tunnel, or after; over TLS or not."""
    act = Act(b"HTTP/1.1 200 OK\r\n\r\n" * granted + said, then=then)

    async def play() -> None:
        async with (
            Endpoint(act, tls=serving(certificate) if secure else None) as proxy,
            transport_to(
                ENDPOINT,
                proxy_url=proxy.url,
                ca_file=str(certificate),
                seconds=0.3 if then == "keep" else 30.0,
            ) as transport,
        ):
            got = await transport.post(HEADERS, b"{}")
            assert isinstance(got, TransportError)
            assert got.code in DELIVERY_CODES
            assert transport.connections == 0

    runner.run(play())


@real
@given(st.binary(max_size=80) | SAID, ENDS)
def test_nothing_that_is_said_instead_of_tls_makes_a_call_raise(
    runner: asyncio.Runner, certificate: Path, said: bytes, then: str
) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(said)
            await writer.drain()
            if then == "reset":
                writer.transport.abort()
            elif then == "keep":
                await reader.read()
        writer.close()

    async def play() -> None:
        server = await asyncio.start_server(speak, "127.0.0.1", 0)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        seconds = 0.2 if then == "keep" else 30.0
        async with server, transport_to(url, ca_file=str(certificate), seconds=seconds) as transport:
            got = await transport.post(HEADERS, b"{}")
            assert isinstance(got, TransportError)
            assert transport.connections == 0

    runner.run(play())


@given(
    st.integers(0, 999),
    st.lists(st.tuples(NAMES, VALUES | st.binary(max_size=200)), max_size=6).map(dict),
    BODIES | st.binary(max_size=300),
)
def test_an_answer_of_any_status_headers_and_body_has_a_class(
    status: int, headers: dict[bytes, bytes], body: bytes
) -> None:
    error_type, retry_after, amz_retry_after = (
        headers.get(name, b"").decode("latin-1")
        for name in (b"X-Amzn-ErrorType", b"Retry-After", b"x-amz-retry-after")
    )
    got = read(Reply(status, error_type, retry_after, amz_retry_after, body), NOW)
    assert isinstance(got, Accepted | Misconfigured | TransientFault | Refused | Throttled)
    if not isinstance(got, Accepted):
        # It becomes a log's key and a metric's label.
        assert got.code.isascii()
        assert got.code.isprintable()


@given(st.binary() | VALUES)
def test_no_date_makes_the_clock_raise(date: bytes) -> None:
    clock = ApiClock(lambda: NOW, lambda: NOW)
    clock.observe(date)
    ahead = clock.ahead_seconds()
    assert ahead is None or math.isfinite(ahead)


@settings(max_examples=sample(8, 40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60)
    | st.sampled_from([b"", b"{}", b"null", b'{"keys":1}', b'{"keys":{"access_key":"\xff"}}', b"[" * 9999])
    | st.sampled_from(
        [b'{"code":"X"}', b'{"passing":"no"}', b'warning: x\n{"keys":null}', b'{"expires_at":1e999}']
    ),
    st.sampled_from(["0", "1", "KILL"]),
)
@pytest.mark.slow
def test_whatever_the_process_of_boto3_says_there_are_keys_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes, ends: str
) -> None:
    """In the place of the interpreter: what prints these bytes, and ends well or badly."""
    (tmp_path / "said").write_bytes(said)
    program = tmp_path / "python"
    end = "kill -9 $$" if ends == "KILL" else f"exit {ends}"
    program.write_text(f"#!/bin/sh\ncat {tmp_path / 'said'}\n{end}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    asked = BotoSubprocess("eu-west-1")
    with pytest.raises(UnusableSettings):
        asked.resolve(Wanted(PERSONALIZE_EVENTS, "eu-west-1"))
    with pytest.raises(CredentialsUnavailable):
        asked.load()


@pytest.mark.parametrize("region", ["eu\0west", "\ud800", "x" * 3_000_000])
def test_a_region_that_is_no_argument_of_a_process_is_told(region: str) -> None:
    with pytest.raises(UnusableSettings):
        BotoSubprocess(region).resolve(Wanted(PERSONALIZE_EVENTS, region))
    with pytest.raises(CredentialsUnavailable):
        BotoSubprocess(region).load()


GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "Version": st.sampled_from([1, 2, "1", None]),
        "AccessKeyId": st.sampled_from(["AKIA", "", 5, None, "\ud800", "A\nB", "é"]),
        "SecretAccessKey": st.sampled_from(["s", "s\n", "", ["s"], "\udcff"]),
        "SessionToken": st.sampled_from(["t", None, 1, "\0"]),
        "Expiration": st.sampled_from(
            [
                "2100-01-01T00:00:00Z",
                "0001-01-01T00:00:00Z",
                "9999-12-31T23:59:59-14:00",
                "soon",
                "",
                1e400,
                0,
                "2100-01-01",
                None,
                [],
                "\ud800",
                -1,
                "٣",
            ]
        ),
    },
)


@settings(
    max_examples=sample(12, 60),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.binary(max_size=60) | GIVEN.map(lambda said: json.dumps(said).encode()),
    st.sampled_from(
        [b"", b"\xff", b"[default]\n\xff = 1\n", b"[default", b"[default]\naws_access_key_id = \xe9\n"]
    ),
)
@example(said=b'{"Version":1,"AccessKeyId":"A\\ud800","SecretAccessKey":"s"}', credentials=b"")
@example(said=b'{"Version":1,"AccessKeyId":"A","SecretAccessKey":5}', credentials=b"")
@pytest.mark.slow
def test_whatever_a_provider_prints_and_a_file_holds_there_are_keys_or_a_reason(
    aws_home: Path, said: bytes, credentials: bytes
) -> None:
    """The credential_process, and the file beside it; it can be told to the worker in any case."""
    (aws_home / "said").write_bytes(said)
    (aws_home / "credentials").write_bytes(credentials)
    (aws_home / "config").write_text(f"[default]\ncredential_process = cat {aws_home / 'said'}\n")
    told = boto_subprocess._answer_load("eu-west-1")  # noqa: SLF001  what the process runs
    assert (told.keys is None) == bool(told.why)
    written = boto_subprocess._encoded(told)  # noqa: SLF001  as above
    assert msgspec.json.decode(written, type=type(told)) == told


@given(
    st.binary(max_size=200)
    | st.sampled_from([b"-----BEGIN CERTIFICATE-----\n" + b"\xff" * 80 + b"\n-----END"])
)
def test_a_bundle_of_any_bytes_is_taken_or_told(
    tmp_path_factory: pytest.TempPathFactory, bundle: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "bundle.pem"
    path.write_bytes(bundle)
    with suppress(UnusableSettings):
        tls_context(str(path))


@pytest.mark.parametrize("login", ["u:p\xe4ss", "u:%ff", "u:\udcff"])
@pytest.mark.slow
def test_a_login_of_a_proxy_that_is_no_ascii_is_told_without_being_repeated(
    monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{login}@127.0.0.1:1")
    with pytest.raises(UnusableSettings, match="ASCII") as told:
        BotoSubprocess("eu-west-1").resolve(Wanted(PERSONALIZE_EVENTS, "eu-west-1"))
    assert login not in str(told.value)
