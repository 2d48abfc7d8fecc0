"""The environment goes over the file; what is not ours is left alone."""

from pathlib import Path

import pytest

from worker.config import ConfigError, known_keys, read_settings

GOOD = {
    "WORKER_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "WORKER_KAFKA__TOPICS": "interactions",
    "WORKER_PERSONALIZE__TRACKING_ID": "abc",
    "WORKER_DEAD_LETTERS__TOPIC": "dead",
}


def mistakes_of(**environ: str) -> list[str]:
    """The lines that a user sees."""
    with pytest.raises(ConfigError) as caught:
        read_settings(None, GOOD | environ)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_everything_can_come_from_the_environment() -> None:
    """No file is needed."""
    settings = read_settings(
        None, GOOD | {"WORKER_BATCHING__LINGER_SECONDS": "0.5", "WORKER_ADMIN__PORT": "8080"}
    )
    assert settings.kafka.topics == ("interactions",)
    assert settings.batching.linger_seconds == 0.5
    assert settings.admin.port == 8080


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    """Also where the file is wrong."""
    path = tmp_path / "c.yaml"
    path.write_text(
        "kafka: {topics: [a], client: {client.rack: a, debug: cgrp}}\nbatching: {max_events: 99}\n"
    )
    environ = GOOD | {"WORKER_BATCHING__MAX_EVENTS": "3", "WORKER_KAFKA__CLIENT__CLIENT_RACK": "b"}
    settings = read_settings(path, environ)
    assert settings.kafka.topics == ("interactions",)
    assert settings.batching.max_events == 3
    assert settings.kafka.client == {"client.rack": "b", "debug": "cgrp"}


@pytest.mark.parametrize("text", ["a, ^b", '["a", "^b"]', "a,^b,"])
def test_a_list_is_written_with_commas_or_as_json(text: str) -> None:
    """JSON, since a pattern may hold a comma."""
    assert read_settings(None, GOOD | {"WORKER_KAFKA__TOPICS": text}).kafka.topics == ("a", "^b")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("FALSE", False)])
def test_a_switch_is_written_true_or_false(text: str, value: bool) -> None:  # noqa: FBT001  the value under test
    """In any case, as Python and YAML write it."""
    assert (
        read_settings(None, GOOD | {"WORKER_DEAD_LETTERS__CREATE_TOPIC": text}).dead_letters.create_topic
        is value
    )


def test_an_empty_variable_is_null_where_null_is_allowed() -> None:
    """A chart that has no region to give sets the variable to nothing."""
    assert read_settings(None, GOOD | {"WORKER_PERSONALIZE__REGION": ""}).personalize.region is None


def test_a_whole_mapping_is_json_and_an_entry_goes_over_it() -> None:
    """Both may be set: one by the chart, one by a secret."""
    environ = GOOD | {
        "WORKER_KAFKA__CLIENT__CLIENT_RACK": "b",
        "WORKER_KAFKA__CLIENT": '{"client.rack": "a", "log_level": 3}',
        "WORKER_KAFKA__CLIENT__LOG_LEVEL": "4",
        "WORKER_RECORD__MAPPING__SESSION_ID": '["a", "b"]',
        "WORKER_RECORD__MAPPING__ITEM_ID": "properties.sku",
    }
    settings = read_settings(None, environ)
    assert settings.kafka.client == {"client.rack": "b", "log_level": "4"}
    assert settings.record.mapping == {"session_id": ["a", "b"], "item_id": "properties.sku"}


def test_a_value_comes_from_a_file_without_its_last_newline(tmp_path: Path) -> None:
    """As secrets are mounted; one newline only, for a password may end with one."""
    secret = tmp_path / "password"
    secret.write_text("hunter2\n\n")
    environ = GOOD | {"WORKER_KAFKA__CLIENT__SASL_PASSWORD_FILE": str(secret)}
    assert read_settings(None, environ).kafka.client == {"sasl.password": "hunter2\n"}


def test_a_setting_of_librdkafka_that_ends_with_file_is_no_mounted_value() -> None:
    """Else nobody could set it."""
    environ = GOOD | {"WORKER_KAFKA__CLIENT__SASL_OAUTHBEARER_ASSERTION_FILE": "/a"}
    assert read_settings(None, environ).kafka.client == {"sasl.oauthbearer.assertion.file": "/a"}


def test_a_value_and_its_file_together_are_a_mistake(tmp_path: Path) -> None:
    """It can't be known which was meant."""
    said = mistakes_of(WORKER_ADMIN__PORT="1", WORKER_ADMIN__PORT_FILE=str(tmp_path))
    assert said == ["admin.port: is set by both WORKER_ADMIN__PORT and WORKER_ADMIN__PORT_FILE; keep one"]


def test_a_missing_secret_file_is_named_by_its_variable() -> None:
    """The mount is what has to be fixed."""
    (said,) = mistakes_of(WORKER_KAFKA__CLIENT__SASL_PASSWORD_FILE="/no/such/file")  # noqa: S106  a path
    assert said.endswith("No such file or directory (WORKER_KAFKA__CLIENT__SASL_PASSWORD_FILE)")


def test_a_wrong_value_is_named_by_its_variable() -> None:
    """And by its key."""
    said = mistakes_of(WORKER_BATCHING__MAX_EVENTS="12", WORKER_ADMIN__PORT="http", WORKER_KAFKA__CLIENT="{")
    assert said == [
        "kafka.client: is text, must be a mapping (WORKER_KAFKA__CLIENT)",
        "batching.max_events: is 12, must be a whole number from 1 to 10 (WORKER_BATCHING__MAX_EVENTS)",
        "admin.port: is text, must be a whole number from 0 to 65535 (WORKER_ADMIN__PORT)",
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("WORKER_KAFKA__TOPIC", "WORKER_KAFKA__TOPICS"),
        ("WORKER_KAFKA_TOPICS", "WORKER_KAFKA__TOPICS"),
        ("WORKER_ADMIN_PORT", "WORKER_ADMIN__PORT"),
        ("WORKER_KAFKA__TOPICS__0", "WORKER_KAFKA__TOPICS"),
        ("WORKER_KAFKA__CLIENT__", "WORKER_KAFKA__CLIENT"),
        ("WORKER_DEAD_LETTER__TOPIC", "WORKER_DEAD_LETTERS__TOPIC"),
    ],
)
def test_an_unknown_variable_names_the_nearest_known_one(name: str, meant: str) -> None:
    """Otherwise it would have no effect, and nobody would see why."""
    assert mistakes_of(**{name: "9090"}) == [f"{name}: unknown variable; did you mean {meant}?"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKER_SERVICE_HOST", "10.0.0.1"),
        ("WORKER_SERVICE_PORT", "9090"),
        ("WORKER_SERVICE_PORT_HTTP_ADMIN", "9090"),
        ("WORKER_PORT", "tcp://10.0.0.1:9090"),
        ("WORKER_PORT_9090_TCP", "tcp://10.0.0.1:9090"),
        ("WORKER_PORT_9090_TCP_ADDR", "10.0.0.1"),
        ("WORKER_KAFKA_SERVICE_HOST", "10.0.0.1"),
        ("WORKER_KAFKA_PORT", "tcp://10.0.0.1:9092"),
        ("WORKER_KAFKA_PORT_9092_TCP_PROTO", "tcp"),
        ("WORKER_ADMIN_PORT", "tcp://10.0.0.1:9090"),
        ("WORKER_TEST_KAFKA", "127.0.0.1:9092"),
        ("WORKERS__KAFKA", "x"),
    ],
)
def test_variables_of_kubernetes_and_of_others_are_left_alone(name: str, value: str) -> None:
    """A Service called worker, or worker-kafka, is no mistake."""
    read_settings(None, GOOD | {name: value})


@pytest.mark.parametrize("key", known_keys())
def test_every_key_has_a_variable(key: str) -> None:
    """None is out of reach of a deployment without a file: a bad value is heard."""
    variable = "WORKER_" + key.upper().replace(".", "__", 1)
    text = "7" if key == "record.mapping" else "\x00 {"
    assert any(variable in line for line in mistakes_of(**{variable: text}))
