"""TLS to Kafka can't be switched off by accident, and librdkafka's words quote no secret."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, KafkaError, Producer

from tests.support.waiting import until
from worker.config import ConfigError, read_settings
from worker.settings import KafkaSettings
from worker.sources.kafka.client_settings import client_settings, refusals
from worker.sources.kafka.cluster import unreachable_reason
from worker.sources.kafka.error_monitor import KafkaErrorMonitor, KafkaUnusable
from worker.sources.kafka.properties import ALL
from worker.sources.kafka.security import exposed, without_secrets

if TYPE_CHECKING:
    from pathlib import Path

    from worker.settings import ClientValue

MARKED = "hunter2-4711"
# Nobody listens there.
NOWHERE = "127.0.0.1:1"
UNSECURED: dict[str, ClientValue] = {
    "security.protocol": "sasl_plaintext",
    "sasl.mechanism": "OAUTHBEARER",
    "enable.sasl.oauthbearer.unsecure.jwt": True,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("enable.ssl.certificate.verification", False),
        ("enable.ssl.certificate.verification", "False"),
        ("enable.ssl.certificate.verification", "f"),
        ("enable.ssl.certificate.verification", 0),
        ("ssl.endpoint.identification.algorithm", "none"),
        ("ssl.endpoint.identification.algorithm", "NONE"),
    ],
)
def test_verification_cannot_be_switched_off(name: str, value: ClientValue) -> None:
    """However librdkafka lets it be spelled."""
    ((refused, reason),) = refusals({name: value})
    assert refused == name
    assert reason.startswith("can't be switched off: brokers are always verified")


def test_a_callback_that_verifies_is_refused_too() -> None:
    assert dict(refusals({"ssl.certificate.verify_cb": "x"}))


@pytest.mark.parametrize("value", [True, "true", "True", 1, "t"])
def test_verification_may_be_said_to_be_on(value: ClientValue) -> None:
    said = {"enable.ssl.certificate.verification": value, "ssl.endpoint.identification.algorithm": "https"}
    assert not list(refusals(said))


@pytest.mark.parametrize("url", [f"https://u:{MARKED}@host/token", f"https://host/token?secret={MARKED}"])
def test_a_token_endpoint_with_a_secret_is_refused(url: str) -> None:
    """librdkafka logs the address when it can't be reached."""
    ((_, reason),) = refusals({"sasl.oauthbearer.token.endpoint.url": url})
    assert MARKED not in reason


@pytest.mark.parametrize(
    ("servers", "client", "is_exposed"),
    [
        ("broker:9092", {"security.protocol": "sasl_plaintext"}, True),
        ("broker:9092", {"security.protocol": "SASL_PLAINTEXT"}, True),
        ("127.0.0.1:9092, broker:9092", {"security.protocol": "sasl_plaintext"}, True),
        ("127.0.0.1:9092,[::1]:9092", {"security.protocol": "sasl_plaintext"}, False),
        ("broker:9092", {"security.protocol": "sasl_ssl"}, False),
        ("broker:9092", {}, False),
        ("broker:9092", {"sasl.oauthbearer.token.endpoint.url": "http://tokens/x"}, True),
        ("broker:9092", {"sasl.oauthbearer.token.endpoint.url": "http://127.0.0.1/x"}, False),
        ("broker:9092", {"sasl.oauthbearer.token.endpoint.url": "https://tokens/x"}, False),
    ],
)
def test_a_login_that_travels_readable_is_told(
    servers: str, client: dict[str, ClientValue], *, is_exposed: bool
) -> None:
    assert bool(exposed(KafkaSettings(bootstrap_servers=servers, topics=("a",), client=client))) is is_exposed


@pytest.mark.parametrize("config", [f"{MARKED} x={MARKED}", f"principal=x lifeSeconds={MARKED}"])
def test_librdkafkas_words_of_a_failed_login_quote_no_secret(
    caplog: pytest.LogCaptureFixture, config: str
) -> None:
    """The real library, through each of the ways on which its words reach people."""
    kafka = KafkaSettings(
        bootstrap_servers=NOWHERE, topics=("a",), client=UNSECURED | {"sasl.oauthbearer.config": config}
    )
    heard: list[KafkaError] = []
    consumer = Consumer(client_settings(kafka, for_="consumer") | {"error_cb": heard.append})
    # It has no error_cb, so librdkafka logs what it would have been told.
    producer = Producer(client_settings(kafka, for_="producer"))
    until(lambda: consumer.poll(0.01) or producer.poll(0.01) or heard, 10, what="a refused login")
    consumer.close()
    assert MARKED in heard[0].str(), "librdkafka quotes it no longer: without_secrets may go"
    trouble = KafkaErrorMonitor(lambda: 0.0)
    trouble.note(heard[0])
    said = f"{trouble.now()} {unreachable_reason(kafka, 5)} {caplog.text}"
    assert "Failed to acquire SASL OAUTHBEARER token" in said
    assert MARKED not in said


def test_a_fatal_complaint_quotes_no_secret_either() -> None:
    fatal = KafkaError(KafkaError._FATAL, f"sasl.oauthbearer.config: {MARKED}", fatal=True)  # noqa: SLF001  librdkafka's name for it
    with pytest.raises(KafkaUnusable) as raised:
        KafkaErrorMonitor(lambda: 0.0).note(fatal)
    assert MARKED not in str(raised.value)


def test_a_line_of_librdkafka_keeps_its_words_otherwise(caplog: pytest.LogCaptureFixture) -> None:
    assert without_secrets("FAIL: broker down") == "FAIL: broker down"
    log = client_settings(KafkaSettings(bootstrap_servers=NOWHERE, topics=("a",)), for_="admin")["logger"]
    assert isinstance(log, logging.Logger)
    log.error("%s [%s] %s", "FAIL", "worker", "100% down")
    assert caplog.messages == ["FAIL [worker] 100% down"]


@pytest.mark.parametrize("form", ["{}", "/run/{}", "a={},b={}", "{}\n"])
def test_no_mistake_in_any_client_setting_quotes_its_value(tmp_path: Path, form: str) -> None:
    """Whatever is secret in a newer librdkafka: all of its settings are tried."""
    value, told = form.format(MARKED, MARKED), 0
    for name in sorted(ALL):
        conf = {
            "kafka": {"bootstrap_servers": NOWHERE, "topics": ["a"], "client": {name: value}},
            "personalize": {"tracking_id": "t"},
            "dead_letters": {"topic": "d"},
        }
        (tmp_path / "c.yaml").write_text(json.dumps(conf))
        said = shown(tmp_path / "c.yaml")
        told += not said.startswith("Settings")
        assert MARKED not in said, name
    assert told > 80


def shown(path: Path) -> str:
    """The settings as they would be printed, or what is wrong with them."""
    try:
        return repr(read_settings(path, {}))
    except ConfigError as error:
        return str(error)
