"""No setting of librdkafka that is accepted ends the worker later."""

from __future__ import annotations

import asyncio
import ctypes
import json
import socket
import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, cimpl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.listener import ListenerTwin
from tests.support.samples import sample
from tests.support.waiting import until
from worker.config import ConfigError, read_settings
from worker.local.kafka import EmbeddedKafka
from worker.settings import KafkaSettings
from worker.sources.kafka.client_settings import (
    SILENT_LOG,
    client_settings,
    refusal_of,
    refusals,
    refused_by_librdkafka,
)
from worker.sources.kafka.properties import ALL, WHOLE_NUMBERS
from worker.sources.kafka.setting_values import number
from worker.sources.kafka.source import KafkaSource
from worker.sources.kafka.statistics import Statistics, decode

if TYPE_CHECKING:
    from pathlib import Path

    from worker.settings import ClientValue

pytestmark = pytest.mark.slow

# Nobody listens there.
NOWHERE = "127.0.0.1:1"
ODD: tuple[ClientValue, ...] = (
    "", " ", 0, -1, 1, 1.5, 2**31 - 1, 10**30, "0x10", True, False, "none", "consumer", "a,b",
    'a"b', "a\\b", "a\nb", "a\tb", "\x7f", "caf\u00e9", "^(", "/no/such/file", "x" * 300,
)  # fmt: skip
LOGIN: dict[str, ClientValue] = {"security.protocol": "sasl_ssl", "sasl.mechanism": "OAUTHBEARER"}


def refused(client: dict[str, ClientValue]) -> dict[str | None, str]:
    """What is said against the settings, by whom ever."""
    said: dict[str | None, str] = dict(refusals(client))
    return said | dict(
        refused_by_librdkafka({name: value for name, value in client.items() if name not in said})
    )


def statistics_with(client: dict[str, ClientValue]) -> Statistics:
    """Make a consumer as the worker does, subscribe, and read its first statistics."""
    heard: list[str] = []
    kafka = KafkaSettings(bootstrap_servers=NOWHERE, topics=("a",), client=client)
    often = {"statistics.interval.ms": 1, "stats_cb": heard.append, "logger": SILENT_LOG}
    consumer = Consumer(client_settings(kafka, for_="consumer") | often)
    try:
        consumer.subscribe(["^(a)$", "b"])
        until(lambda: consumer.poll(0.002) or heard, 10, what="statistics")
        return decode(heard[0])
    finally:
        consumer.close()


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_every_setting_with_an_odd_value_is_refused_by_name_or_harmless(odd: ClientValue) -> None:
    """All settings that there are: the consumer is made, subscribes, and its statistics can be read."""
    accepted = 0
    for name in sorted(ALL):
        said = refused({name: odd})
        assert said.keys() <= {name}, f"{name} is not named: {said}"
        if not said:
            accepted += 1
            statistics_with({name: odd})
    assert accepted < len(ALL)


SOME = st.dictionaries(
    st.sampled_from(sorted(ALL)), st.sampled_from(ODD) | st.text(max_size=3), min_size=2, max_size=6
)


@settings(max_examples=sample(20, 150))
@given(client=SOME)
def test_settings_that_are_accepted_together_are_so_by_the_real_consumer(
    client: dict[str, ClientValue],
) -> None:
    """One may be right by itself, and wrong beside another."""
    environ = {
        "WORKER_KAFKA__BOOTSTRAP_SERVERS": NOWHERE,
        "WORKER_KAFKA__TOPICS": "a,^b",
        "WORKER_KAFKA__CLIENT": json.dumps(client),
        "WORKER_PERSONALIZE__TRACKING_ID": "t",
        "WORKER_DEAD_LETTERS__TOPIC": "d",
    }
    try:
        accepted = read_settings(None, environ)
    except ConfigError:
        return
    statistics_with(dict(accepted.kafka.client))


@pytest.mark.parametrize("client_id", ['a"b', "a\\b", "a\nb", "a\tb", "\x1f"])
def test_a_client_id_that_would_break_the_statistics_is_refused(client_id: str) -> None:
    """librdkafka writes it between quotes as it is, and the worker ended with the first statistics."""
    assert refused({"client.id": client_id}) == {
        "client.id": "must be without quotes, backslashes and control characters"
    }
    assert not refused({"client.id": "caf\u00e9 4 'x'"})


def test_a_consumer_with_any_accepted_client_id_lives_on_after_its_statistics() -> None:
    """On the embedded Kafka, with the worker's own source."""

    async def live(kafka: EmbeddedKafka) -> int | None:
        client: dict[str, ClientValue] = {"client.id": "caf\u00e9 'x' {}", "statistics.interval.ms": 10}
        section = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, topics=("t",), client=client)
        source = KafkaSource(
            client_settings(section, for_="consumer"),
            ["t"],
            commit_seconds=5,
            clock=time.monotonic,
        )
        await source.open(ListenerTwin())
        async with asyncio.timeout(20):
            while not (ours := source.partitions()) or ours[0].end_offset is None:
                await source.receive(10)
        await source.close()
        return ours[0].end_offset

    with EmbeddedKafka({"t": 1}) as kafka:
        assert asyncio.run(live(kafka)) == 0


def test_a_setting_that_is_refused_at_the_subscription_only_is_named() -> None:
    """librdkafka itself names none there."""
    assert refused({"client.rack": "a", "partition.assignment.strategy": " "}).keys() == {
        "partition.assignment.strategy"
    }


def test_what_the_python_client_itself_refuses_is_a_mistake_too() -> None:
    """It raises errors of Python, not of Kafka."""
    ((_, reason),) = refused_by_librdkafka({"sasl.oauthbearer.metadata.authentication.type": "aws_iam"})
    assert "oidc" in reason


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statistics.interval.ms", 0),
        ("statistics.interval.ms", "0.5"),
        ("statistics.interval.ms", 86_400_000),
        ("topic.metadata.refresh.interval.ms", -1),
        ("topic.metadata.refresh.interval.ms", "-1"),
        ("topic.blacklist", "^a"),
    ],
)
def test_a_value_that_would_blind_the_worker_is_refused(name: str, value: ClientValue) -> None:
    assert refused({name: value}).keys() == {name}


@pytest.mark.parametrize(
    "written",
    [
        "6_000",
        "6e3",
        "6.5",
        "6s",
        "06000",
        "6 000",
        "12:30",
        "2026-11-27",
        5_000_000_000,
        -5_000_000_000,
        6.0,
    ],
)
@pytest.mark.parametrize("name", ["session.timeout.ms", "message.max.bytes", "request.timeout.ms"])
def test_a_number_of_which_librdkafka_would_read_a_part_is_refused(name: str, written: ClientValue) -> None:
    """It takes 6_000 for 6, and of five billion what is left without the top."""
    assert "must be a whole number" in refused({name: written})[name]


@pytest.mark.parametrize("written", [7000, "7000", " 7000 ", "+7000", "0x1b58"])
def test_a_whole_number_is_taken_as_it_is_written(written: ClientValue) -> None:
    assert not refused({"session.timeout.ms": written})


def test_the_whole_numbers_are_those_of_the_installed_librdkafka(tmp_path: Path) -> None:
    """As it prints them itself."""
    library, system = ctypes.CDLL(cimpl.__file__), ctypes.CDLL(None)
    system.fopen.restype = ctypes.c_void_p
    file = ctypes.c_void_p(system.fopen(bytes(tmp_path / "properties"), b"w"))
    library.rd_kafka_conf_properties_show(file)
    system.fclose(file)
    lines = (tmp_path / "properties").read_text().splitlines()
    assert {line.split("|")[0].strip() for line in lines if "Type: integer" in line} == WHOLE_NUMBERS


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("5", 5),
        (" 5", 5),
        ("-1", -1),
        ("+2", 2),
        ("0x10", 16),
        ("010", 8),
        ("1.5", 1),
        ("0", 0),
        ("x", None),
        ("", None),
        (True, None),
        (None, None),
        (7, 7),
    ],
)
def test_a_number_is_read_as_librdkafka_does(text: ClientValue | None, size: int | None) -> None:
    assert number(text) == size


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"sasl.oauthbearer.method": "default"},
        {"sasl.oauthbearer.config": "principal=x"},
        {"sasl.oauthbearer.metadata.authentication.type": "azure_imds"},
        {"enable.sasl.oauthbearer.unsecure.jwt": False},
    ],
)
def test_oauthbearer_without_a_source_of_tokens_is_refused(more: dict[str, ClientValue]) -> None:
    """librdkafka would wait for a callback without a word, and the network would be blamed."""
    said = refused(LOGIN | more)
    assert "needs a source of tokens" in said["sasl.mechanism"]


@pytest.mark.parametrize(
    "client",
    [
        LOGIN | {"enable.sasl.oauthbearer.unsecure.jwt": True, "sasl.oauthbearer.config": "principal=x"},
        LOGIN
        | {
            "sasl.oauthbearer.method": "OIDC",
            "sasl.oauthbearer.token.endpoint.url": "https://tokens/x",
            "sasl.oauthbearer.client.id": "a",
            "sasl.oauthbearer.client.secret": "b",
        },
        {"sasl.mechanism": "OAUTHBEARER"},
        LOGIN | {"sasl.mechanism": "PLAIN", "sasl.username": "a", "sasl.password": "b"},
    ],
)
def test_a_login_that_has_its_tokens_or_needs_none_is_accepted(client: dict[str, ClientValue]) -> None:
    assert not refused(client)


def test_oidc_without_its_settings_is_librdkafkas_to_refuse() -> None:
    """It names the setting that is missing."""
    assert "token.endpoint.url" in " ".join(refused(LOGIN | {"sasl.oauthbearer.method": "oidc"}).values())


@pytest.mark.parametrize("template", ["{hostname}", "worker-{hostname}"])
def test_the_id_of_a_static_member_is_filled_with_the_pods_name(template: str) -> None:
    """One id for several pods would make them fence each other."""
    kafka = KafkaSettings(bootstrap_servers=NOWHERE, topics=("a",), client={"group.instance.id": template})
    expected = template.replace("{hostname}", socket.gethostname())
    assert client_settings(kafka, for_="consumer")["group.instance.id"] == expected
    assert not refused({"group.instance.id": template})


@pytest.mark.parametrize("instance", ["", " ", "a b", "{pod}", "a" * 250, ".", "..", "a/b", "\u00e4"])
def test_an_id_that_the_broker_would_refuse_is_refused(instance: str) -> None:
    assert refused({"group.instance.id": instance}).keys() == {"group.instance.id"}


def test_a_refusal_at_run_time_names_the_settings_and_no_value() -> None:
    """The exit code is 2 then."""
    said = 'Invalid value "hunter2" for configuration property "ssl.key.password"'
    wrong = KafkaException(KafkaError(KafkaError._INVALID_ARG, said))  # noqa: SLF001  librdkafka's name for it
    reason = refusal_of(wrong)
    assert reason == "librdkafka does not take kafka.client: ssl.key.password (_INVALID_ARG)"
    assert refusal_of(KafkaException(KafkaError(KafkaError._TRANSPORT))) is None  # noqa: SLF001  as above
