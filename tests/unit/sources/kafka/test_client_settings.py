"""What each client of librdkafka is given, and what ``kafka.client`` may not say."""

from __future__ import annotations

import ctypes
import logging
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, Producer, cimpl
from confluent_kafka.admin import AdminClient
from hypothesis import given
from hypothesis import strategies as st

from worker.settings import KafkaSettings
from worker.sources.kafka.client_settings import (
    BROKER_DECIDES,
    REFUSED,
    client_settings,
    refusals,
    refused_by_librdkafka,
)
from worker.sources.kafka.properties import ANY_CLIENT, CONSUMER_ONLY, PRODUCER_ONLY

if TYPE_CHECKING:
    from pathlib import Path

    from worker.settings import ClientValue


def kafka_with(**client: ClientValue) -> KafkaSettings:
    """A section whose ``client`` has these settings, an underscore for each dot."""
    named = {name.replace("_", "."): value for name, value in client.items()}
    return KafkaSettings(bootstrap_servers="127.0.0.1:9", topics=("a",), group_id="g", client=named)


def test_the_consumer_never_commits_or_stores_by_itself() -> None:
    """The offset tracker decides what is committed."""
    settings = client_settings(kafka_with(), for_="consumer")
    assert settings["enable.auto.commit"] is False
    assert settings["enable.auto.offset.store"] is False


def test_the_consumer_begins_at_the_earliest_record_and_rebalances_cooperatively() -> None:
    """Nothing is skipped in a topic that is older than the group."""
    settings = client_settings(kafka_with(), for_="consumer")
    assert settings["auto.offset.reset"] == "earliest"
    assert settings["partition.assignment.strategy"] == "cooperative-sticky"
    assert settings["group.id"] == "g"


def test_prefetch_is_bounded_by_16_mib_with_four_brokers() -> None:
    """The shared queue's limit, and one fetch from each broker over it."""
    settings = client_settings(kafka_with(), for_="consumer")
    queue, fetch = settings["queued.max.messages.kbytes"], settings["fetch.max.bytes"]
    assert isinstance(queue, int)
    assert isinstance(fetch, int)
    assert queue * 1024 + 4 * fetch == 16 << 20


def test_a_user_s_setting_goes_over_a_default() -> None:
    """Also under librdkafka's other name for it, since the later one counts there."""
    settings = client_settings(kafka_with(auto_offset_reset="latest", client_id="me"), for_="consumer")
    assert settings["auto.offset.reset"] == "latest"
    assert settings["client.id"] == "me"


def test_larger_messages_widen_the_fetch() -> None:
    """librdkafka does not start with a fetch smaller than the largest message."""
    client = kafka_with(message_max_bytes=5_000_000)
    assert client_settings(client, for_="consumer")["fetch.max.bytes"] == 5_000_000
    assert not list(refused_by_librdkafka(client.client))


def test_a_kip_848_consumer_is_given_no_strategy() -> None:
    """librdkafka does not start with one."""
    settings = client_settings(kafka_with(group_protocol="consumer"), for_="consumer")
    assert "partition.assignment.strategy" not in settings
    assert not list(refused_by_librdkafka({"group.protocol": "consumer"}))


def test_the_producer_waits_for_every_replica() -> None:
    """Else an acknowledged dead letter could be lost."""
    settings = client_settings(kafka_with(), for_="producer")
    assert settings["acks"] == "all"
    assert settings["enable.idempotence"] is True


@given(st.dictionaries(st.sampled_from(sorted(CONSUMER_ONLY | PRODUCER_ONLY | ANY_CLIENT)), st.just("1")))
def test_no_client_is_given_what_is_another_s(client: dict[str, ClientValue]) -> None:
    """librdkafka would warn of each, at each start; and whatever is configured, the promises stand."""
    kafka = KafkaSettings(bootstrap_servers="127.0.0.1:9", topics=("a",), client=client)
    consumer, producer, admin = (
        client_settings(kafka, for_=each) for each in ("consumer", "producer", "admin")
    )
    assert not consumer.keys() & PRODUCER_ONLY
    assert not producer.keys() & CONSUMER_ONLY
    assert not admin.keys() & (PRODUCER_ONLY | CONSUMER_ONLY)
    assert (consumer["enable.auto.commit"], producer["acks"]) == (False, "all")


@pytest.mark.parametrize("group_protocol", ["classic", "consumer"])
def test_librdkafka_has_nothing_to_say_against_the_settings(
    caplog: pytest.LogCaptureFixture, group_protocol: str
) -> None:
    """It takes them all, without a warning."""
    kafka = kafka_with(group_protocol=group_protocol, linger_ms=5)
    with caplog.at_level(logging.INFO):
        Consumer(client_settings(kafka, for_="consumer")).close()
        Producer(client_settings(kafka, for_="producer")).poll(0)
        AdminClient({**client_settings(kafka, for_="admin")}).poll(0)  # type: ignore[dict-item]  # all are plain values
    assert not [record.message for record in caplog.records if "CONFWARN" in record.message]


@pytest.mark.parametrize("name", [*REFUSED, "stats_cb", "oauth_cb", "rebalance_cb"])
def test_a_setting_that_would_break_a_promise_is_refused_with_a_reason(name: str) -> None:
    """By name, at start."""
    ((refused, reason),) = refusals({name: "x"})
    assert refused == name
    assert reason.startswith("can't be set here: ")


@pytest.mark.parametrize("name", BROKER_DECIDES)
def test_what_kip_848_forbids_is_refused_as_librdkafka_would(name: str) -> None:
    """The table is held against the library, and classic groups may set it."""
    value = 6000 if name.endswith(".ms") else "consumer" if name.endswith("type") else "range"
    client = {"group.protocol": "consumer", name: value}
    assert [refused for refused, _ in refusals(client)] == [name]
    assert [refused for refused, _ in refused_by_librdkafka(client)] == [name]
    assert not list(refusals(client | {"group.protocol": "classic"}))


def test_librdkafka_s_complaints_are_all_collected_without_values() -> None:
    """It names one at a time, and cites what was given."""
    client = {"foo": "hunter2", "session.timeout.ms": "hunter2", "debug": "hunter2", "ssl.key.pem": "hunter2"}
    said = dict(refused_by_librdkafka(client | {"security.protocol": "ssl"}))
    assert {"foo", "debug", "ssl.key.pem"} <= said.keys()
    assert "hunter2" not in str(said)


def test_no_value_of_the_client_is_in_the_section_s_repr() -> None:
    """A traceback or a debug log shows no password."""
    kafka = kafka_with(sasl_password="hunter2")  # noqa: S106  a made-up one
    assert "sasl.password" in repr(kafka)
    assert "hunter2" not in repr(kafka)
    assert "hunter2" not in str(kafka)


def test_the_tables_of_names_are_those_of_the_installed_librdkafka(tmp_path: Path) -> None:
    """An update that brings new settings is noticed here."""
    for_whom: dict[str, set[str]] = {"C": set(), "P": set(), "*": set()}
    for name, client in installed_properties(tmp_path / "properties"):
        for_whom[client].add(name)
    assert for_whom["C"] == CONSUMER_ONLY
    assert for_whom["P"] == PRODUCER_ONLY
    assert for_whom["*"] == ANY_CLIENT


def installed_properties(path: Path) -> list[tuple[str, str]]:
    """Name and client of each setting, as librdkafka prints them; callbacks left out."""
    # The C functions of librdkafka are reached through the extension that is linked to it.
    library, system = ctypes.CDLL(cimpl.__file__), ctypes.CDLL(None)
    system.fopen.restype = ctypes.c_void_p
    file = ctypes.c_void_p(system.fopen(bytes(path), b"w"))
    library.rd_kafka_conf_properties_show(file)
    system.fclose(file)
    rows = [[cell.strip() for cell in line.split("|")] for line in path.read_text().splitlines()]
    return [
        (row[0], row[1])
        for row in rows
        if len(row) > 5 and row[1] in {"C", "P", "*"} and "dedicated API" not in row[-1]
    ]
