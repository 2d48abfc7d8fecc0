"""The ``check`` command against a Kafka inside the process, a closed port and a socket for an endpoint."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from worker.commands.check import check
from worker.dead_letters.topic import KafkaAway
from worker.local.kafka import Api, EmbeddedKafka
from worker.sources.kafka.setting_values import HOSTNAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

NEW = (
    "is new; starts at the earliest record (kafka.start: earliest); set kafka.start: latest, and it starts "
    "with the records that arrive from then on"
)
TOPICS = {"interactions": 3, "interactions.eu": 2, "dead": 1}


@pytest.fixture(scope="module")
def kafka() -> Iterator[EmbeddedKafka]:
    """One for all: nothing here changes it."""
    with EmbeddedKafka(TOPICS) as embedded:
        yield embedded


@pytest.fixture
def endpoint() -> Iterator[str]:
    """Something that takes connections, and would not know what to do with a call."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever this machine has is left out of it."""
    for name in (
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up ones, in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")


def checked(
    bootstrap_servers: str,
    endpoint_url: str = "http://127.0.0.1:1",
    patience_seconds: float = 0.5,
    **more: Any,
) -> tuple[int, list[str]]:
    """Exit code and lines; ``more`` are settings, two underscores between section and key."""
    settings = {
        "kafka__bootstrap_servers": bootstrap_servers,
        "kafka__topics": "interactions",
        "personalize__tracking_id": "abc",
        "personalize__region": "eu-west-1",
        "personalize__endpoint_url": endpoint_url,
        "dead_letters__topic": "dead",
    }
    environ = {f"WORKER_{name.upper()}": value for name, value in (settings | more).items()}
    lines: list[str] = []
    return check(None, environ, lines.append, patience_seconds=patience_seconds), lines


@pytest.mark.usefixtures("credentials")
def test_all_is_well(kafka: EmbeddedKafka, endpoint: str) -> None:
    """Exit code 0, and a line for each part."""
    code, lines = checked(kafka.bootstrap_servers, endpoint)
    assert lines == [
        "ok    configuration: the environment",
        f"ok    kafka {kafka.bootstrap_servers}: answers (brokers: 1)",
        "ok    kafka topic interactions: 3 partitions",
        f"ok    kafka group personalize-worker: {NEW}",
        "ok    kafka dead letters dead: 1 partitions; cleanup.policy not known: make sure that it is delete",
        "ok    aws credentials: found by env, not tried: nothing is sent; changing them needs a restart",
        "ok    aws region: eu-west-1",
        f"ok    aws endpoint {endpoint}: accepts connections",
    ]
    assert code == 0


def test_it_goes_on_after_each_failure_and_ends_with_1(kafka: EmbeddedKafka) -> None:
    """Whatever is wrong is seen in one go."""
    code, lines = checked(
        kafka.bootstrap_servers, kafka__topics="nope,interactions,^missing", dead_letters__topic="none"
    )
    assert code == 1
    assert [line.split(":")[0] for line in lines if line.startswith("FAIL")] == [
        "FAIL  kafka topic nope",
        "FAIL  kafka topic ^missing",
        "FAIL  kafka dead letters none",
        "FAIL  aws credentials",
        "FAIL  aws endpoint http",
    ]
    assert "ok    kafka topic interactions: 3 partitions" in lines


def test_a_pattern_is_counted(kafka: EmbeddedKafka) -> None:
    """So that one sees what it takes in."""
    _, lines = checked(kafka.bootstrap_servers, kafka__topics="^interactions")
    assert "ok    kafka topic ^interactions: 2 topics, 5 partitions" in lines


def test_a_missing_dead_letter_topic_comes_with_the_command_that_makes_it(kafka: EmbeddedKafka) -> None:
    """As many partitions and replicas as the source topic has."""
    _, lines = checked(kafka.bootstrap_servers, dead_letters__topic="none")
    (line,) = [line for line in lines if "dead letters" in line]
    assert (
        f"kafka-topics.sh --bootstrap-server {kafka.bootstrap_servers} --create --topic none "
        "--partitions 3 --replication-factor 1"
    ) in line


def test_a_dead_letter_topic_that_will_be_made_is_no_failure_and_is_not_made(kafka: EmbeddedKafka) -> None:
    """Asking twice gives the same answer."""
    for _ in range(2):
        _, lines = checked(
            kafka.bootstrap_servers, dead_letters__topic="none", dead_letters__create_topic="true"
        )
        assert (
            "ok    kafka dead letters none: is not there; will be created with 3 partitions, 1 replicas"
        ) in lines


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        ("delete", "ok    kafka dead letters dead: 1 partitions, cleanup.policy=delete"),
        (
            "compact,delete",
            "FAIL  kafka dead letters dead: cleanup.policy=compact,delete keeps one letter per key, ",
        ),
        (None, "ok    kafka dead letters dead: 1 partitions; cleanup.policy not known"),
        (KafkaAway("hidden"), "ok    kafka dead letters dead: 1 partitions; cleanup.policy not known"),
    ],
)
def test_a_dead_letter_topic_that_would_lose_letters_fails_with_the_command_that_fixes_it(
    kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch, policy: str | Exception | None, line: str
) -> None:
    def answer(*_: object) -> str | None:
        if isinstance(policy, Exception):
            raise policy
        return policy

    # The Kafka inside tells no configuration; a real one is asked in the integration tests.
    monkeypatch.setattr("worker.commands.check.kafka.cleanup_policy", answer)
    code, lines = checked(kafka.bootstrap_servers)
    (said,) = [each for each in lines if "dead letters" in each]
    assert said.startswith(line)
    command = f"kafka-configs.sh --bootstrap-server {kafka.bootstrap_servers} --alter --topic dead "
    assert (command in said) == line.startswith("FAIL")
    assert code == 1


def test_a_group_that_may_not_be_read_fails(kafka: EmbeddedKafka) -> None:
    """With the permission that is missing."""
    kafka.fail_next(Api.OFFSET_FETCH, KafkaError.GROUP_AUTHORIZATION_FAILED)
    try:
        _, lines = checked(kafka.bootstrap_servers)
    finally:
        kafka.stop_failing(Api.OFFSET_FETCH)
    (line,) = [line for line in lines if "kafka group" in line]
    assert line.startswith("FAIL  kafka group personalize-worker: ")
    assert "grant this user READ on it" in line


def group_of(kafka: EmbeddedKafka, name: str = "personalize-worker", **more: Any) -> str:
    """What is said of the group."""
    _, lines = checked(kafka.bootstrap_servers, kafka__group_id=name, **more)
    (line,) = [line for line in lines if f"kafka group {name}:" in line]
    return line


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"kafka__start": "latest"}, "with the records that arrive from then on (kafka.start: latest); set "),
        ({"kafka__start": "latest"}, "set kafka.start: earliest, and it starts at the earliest record"),
        (
            {"kafka__client__auto_offset_reset": "largest"},
            "then on (auto.offset.reset: largest of kafka.client); set kafka.start: earliest in place of ",
        ),
    ],
)
def test_where_a_new_group_begins_is_told_with_how_to_change_it(
    kafka: EmbeddedKafka, more: dict[str, str], expected: str
) -> None:
    line = group_of(kafka, **more)
    assert line.startswith("ok    kafka group personalize-worker: is new; starts ")
    assert expected in line


def test_a_new_group_that_begins_nowhere_fails(kafka: EmbeddedKafka) -> None:
    line = group_of(kafka, kafka__client__auto_offset_reset="error")
    assert line == (
        "FAIL  kafka group personalize-worker: is new; starts nowhere, by auto.offset.reset: error of "
        "kafka.client: set kafka.start in place of auto.offset.reset"
    )


def test_a_group_that_has_committed_goes_on_there(kafka: EmbeddedKafka) -> None:
    member = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "old"})
    member.commit(offsets=[TopicPartition("interactions", 0, 0)], asynchronous=False)
    assert group_of(kafka, "old").startswith(
        "ok    kafka group old: continues where it committed, on 1 of 3 partitions; on the others it starts "
        "at the earliest record (kafka.start: earliest); set kafka.start: latest"
    )
    member.commit(offsets=[TopicPartition("interactions", each, 0) for each in range(3)], asynchronous=False)
    member.close()
    assert group_of(kafka, "old") == (
        "ok    kafka group old: continues where it committed, on all 3 partitions; to start over, use "
        "another kafka.group_id"
    )


@pytest.mark.parametrize(
    ("instance", "is_warned_of"),
    [("worker-1", True), ("worker-{hostname}", False), (f"worker-{socket.gethostname()}", False)],
)
def test_a_static_member_that_all_pods_would_be_is_warned_of(
    kafka: EmbeddedKafka, instance: str, *, is_warned_of: bool
) -> None:
    _, lines = checked(kafka.bootstrap_servers, kafka__client__group_instance_id=instance)
    warned = [
        line for line in lines if line.startswith("warn  kafka group.instance.id: all pods have the same")
    ]
    assert [f"put {HOSTNAME} in it" in line for line in warned] == [True] * is_warned_of


@pytest.mark.usefixtures("credentials")
def test_temporary_keys_of_the_environment_are_warned_of(
    kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a login of a person leaves them: the worker would stop at lunch."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", "hunter2")
    _, lines = checked(kafka.bootstrap_servers)
    (line,) = [line for line in lines if "aws credentials" in line]
    assert line.startswith(
        "warn  aws credentials: found by env, not tried: nothing is sent; they expire within"
    )
    assert line.endswith("give the pod a role")
    assert "hunter2" not in line


@pytest.mark.parametrize("code", [KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.NOT_COORDINATOR])
def test_a_coordinator_that_has_just_started_is_waited_for(kafka: EmbeddedKafka, code: int) -> None:
    """A fresh broker says so on the first question; an admin client would crash on the second of the two."""
    kafka.fail_next(Api.OFFSET_FETCH, code)
    _, lines = checked(kafka.bootstrap_servers, patience_seconds=1.0)
    assert f"ok    kafka group personalize-worker: {NEW}" in lines


@pytest.mark.usefixtures("credentials")
def test_a_broker_that_is_away_fails_with_its_reason_and_aws_is_still_checked(endpoint: str) -> None:
    """Kafka's other lines would only repeat it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"127.0.0.1:{server.getsockname()[1]}"
    code, lines = checked(closed, endpoint)
    assert code == 1
    (line,) = [line for line in lines if line.startswith("FAIL")]
    assert line.startswith(f"FAIL  kafka {closed}: ")
    assert "Connection refused" in line
    assert f"ok    aws endpoint {endpoint}: accepts connections" in lines


def test_a_missing_region_fails(kafka: EmbeddedKafka) -> None:
    """There is no default that could be right."""
    _, lines = checked(kafka.bootstrap_servers, personalize__region="")
    assert any(line.startswith("FAIL  aws endpoint: no region: set personalize.region") for line in lines)


def test_a_profile_that_is_not_there_fails(kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is no traceback."""
    monkeypatch.setenv("AWS_PROFILE", "none")
    code, lines = checked(kafka.bootstrap_servers)
    assert code == 1
    assert any(line.startswith("FAIL  aws credentials: ") and "none" in line for line in lines)


def test_a_region_without_personalize_is_warned_of(kafka: EmbeddedKafka) -> None:
    """Only warned: the SDK's list may be older than the region."""
    _, lines = checked(kafka.bootstrap_servers, personalize__region="eu-west-9", personalize__endpoint_url="")
    assert any(line.startswith("warn  aws region eu-west-9: ") and "eu-west-1" in line for line in lines)


@pytest.mark.usefixtures("credentials")
def test_no_secret_is_shown(kafka: EmbeddedKafka) -> None:
    """Neither AWS's nor Kafka's."""
    more: dict[str, Any] = {"kafka__client__sasl_password": "hunter2", "kafka__client__sasl_username": "me"}
    more |= {"kafka__client__security_protocol": "SASL_PLAINTEXT", "kafka__client__sasl_mechanism": "PLAIN"}
    code, lines = checked(kafka.bootstrap_servers, **more)
    assert code == 1
    assert "hunter2" not in "".join(lines)


def test_a_login_that_travels_readable_is_warned_of() -> None:
    """The worker would run; so it is the first line to read, not a failure."""
    client = {"security_protocol": "sasl_plaintext", "sasl_username": "me", "sasl_password": "hunter2"}
    named: dict[str, Any] = {f"kafka__client__{name}": value for name, value in client.items()}
    _, lines = checked("broker.invalid:9092", kafka__client__sasl_mechanism="PLAIN", **named)
    assert lines[1].startswith("warn  kafka broker.invalid:9092: login and records travel readable")


@contextmanager
def tls_server(certificate: Path) -> Iterator[int]:
    """Takes one connection after the other and shakes hands; gives the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    with suppress(ssl.SSLError, ConnectionError):
                        context.wrap_socket(server.accept()[0], server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_an_endpoint_that_nobody_trusts_fails(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, kafka: EmbeddedKafka
) -> None:
    with tls_server(certificate) as port:
        _, lines = checked(kafka.bootstrap_servers, f"https://127.0.0.1:{port}")
        assert lines[-1].startswith(f"FAIL  aws endpoint https://127.0.0.1:{port}: self-signed certificate")
        assert "AWS_CA_BUNDLE" in lines[-1]
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        _, lines = checked(kafka.bootstrap_servers, f"https://127.0.0.1:{port}")
        assert lines[-1] == f"ok    aws endpoint https://127.0.0.1:{port}: accepts connections"
        _, lines = checked(kafka.bootstrap_servers, f"https://localhost:{port}")
        assert "Hostname mismatch" in lines[-1]


def test_an_endpoint_by_http_on_another_machine_fails_unless_it_was_meant(kafka: EmbeddedKafka) -> None:
    _, lines = checked(kafka.bootstrap_servers, "http://put-events.invalid")
    assert lines[-1].startswith("FAIL  aws endpoint: the endpoint http://put-events.invalid would receive")
    _, lines = checked(kafka.bootstrap_servers, "http://put-events.invalid", personalize__plain_http="true")
    assert "no connection" in lines[-1]


def test_brokers_that_nobody_trusts_fail_with_what_to_do(certificate: Path, endpoint: str) -> None:
    """librdkafka's own verification, as the worker sets it up."""
    ssl_ = {"kafka__client__security_protocol": "ssl"}
    with tls_server(certificate) as port:
        _, lines = checked(f"127.0.0.1:{port}", endpoint, patience_seconds=5, **ssl_)
        assert "certificate verify failed" in lines[1]
        assert "see security.protocol and ssl.ca.location of kafka.client" in lines[1]
        ca = {"kafka__client__ssl_ca_location": str(certificate)}
        _, lines = checked(f"localhost:{port}", endpoint, patience_seconds=5, **ssl_, **ca)
        assert "certificate verify failed" in lines[1]
        _, lines = checked(f"127.0.0.1:{port}", endpoint, patience_seconds=2, **ssl_, **ca)
        # It is trusted, and no broker.
        assert "certificate" not in lines[1]


def test_mistakes_in_the_configuration_are_all_that_is_said_and_end_with_2() -> None:
    """Nothing else can be checked with it."""
    code, lines = checked("nowhere", kafka__topics="")
    assert code == 2
    *mistakes, last = lines
    assert [line.split(": ")[:2] for line in mistakes] == [
        ["FAIL  configuration", "kafka.bootstrap_servers"],
        ["FAIL  configuration", "kafka.topics"],
    ]
    assert last.startswith("warn  configuration: no file was given; --config FILE names one")
