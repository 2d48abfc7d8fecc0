"""What is text stays text, whatever YAML takes it for, and white space that came with a secret goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.samples import sample
from worker.config import ConfigError, read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from worker.settings import Settings

ENVIRON = {
    "WORKER_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "WORKER_KAFKA__TOPICS": "interactions",
    "WORKER_PERSONALIZE__TRACKING_ID": "abc",
    "WORKER_DEAD_LETTERS__TOPIC": "dead",
}
LOOKS_LIKE_MORE = (
    *("0123", "007", "1_000", "1e5", "1.10", "1.5e+3", "0x1F", "0b11", "+5", ".5", "9" * 400),
    *("12:30", "1:2:3.4", "2026-11-27", "2026-11-27T10:00:00Z", ".inf", "-.INF", ".nan"),
    *("yes", "No", "on", "OFF", "true", "False", "y"),
)


def read_yaml(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path, ENVIRON)


@pytest.mark.parametrize("text", LOOKS_LIKE_MORE)
def test_a_password_stays_as_it_is_written(tmp_path: Path, text: str) -> None:
    """YAML takes 0123 for 83, and the broker says that the password is wrong."""
    for form in (
        "kafka: {{client: {{sasl.password: {0}}}}}",
        "kafka:\n  client:\n    sasl.password: {0}\n",
        "kafka: {{client: {{sasl.password: '{0}'}}}}",
        "kafka: {{client: {{sasl.password: !!str {0}}}}}",
        "kafka: {{client: {{<<: {{sasl.password: {0}}}}}}}",
        "kafka: {{<<: {{client: {{sasl.password: {0}}}}}}}",
    ):
        assert read_yaml(tmp_path, form.format(text)).kafka.client == {"sasl.password": text}, form


@pytest.mark.parametrize("text", ["0123", "1e5", "1.10", "99999999999999999999"])
def test_a_password_in_json_or_a_variable_stays_so_too(text: str) -> None:
    variable = "WORKER_KAFKA__CLIENT__SASL_PASSWORD"
    assert read_settings(None, ENVIRON | {variable: text}).kafka.client == {"sasl.password": text}
    if not text.startswith("0"):
        whole = {"WORKER_KAFKA__CLIENT": f'{{"sasl.password": {text}}}'}
        assert read_settings(None, ENVIRON | whole).kafka.client == {"sasl.password": text}


@pytest.mark.parametrize("text", ["0123", "1_000", "2026-11-27", "yes", "007"])
def test_an_id_or_a_name_stays_as_it_is_written(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        f"kafka: {{bootstrap_servers: a:1, topics: [{text}, b], group_id: {text}}}\n"
        f"personalize: {{tracking_id: {text}}}\ndead_letters: {{topic: x-{text}}}\n"
    )
    read = read_settings(path, {})
    assert read.kafka.topics == (text, "b")
    assert (read.kafka.group_id, read.personalize.tracking_id) == (text, text)


def test_an_alias_of_a_number_is_text_only_where_text_is_wanted(tmp_path: Path) -> None:
    text = "batching: {max_events: &five 5}\nkafka: {client: {sasl.password: *five}}\n"
    read = read_yaml(tmp_path, text)
    assert read.batching.max_events == 5
    assert read.kafka.client == {"sasl.password": "5"}


@pytest.mark.parametrize("nothing", ["", "null", "~"])
def test_a_password_that_is_nothing_is_a_mistake(tmp_path: Path, nothing: str) -> None:
    with pytest.raises(ConfigError, match="password: is empty"):
        read_yaml(tmp_path, f"kafka: {{client: {{sasl.password: {nothing}}}}}")


def test_a_switch_of_the_mapping_is_no_path(tmp_path: Path) -> None:
    """A field is turned off with null: a path called off would never be there."""
    with pytest.raises(ConfigError, match=r"record\.mapping\.user_id"):
        read_yaml(tmp_path, "record: {mapping: {user_id: off}}")


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n", "\n\n", "\t", "\u00a0"])
@pytest.mark.parametrize("begin", ["", "\ufeff", " ", "\n"])
@pytest.mark.parametrize("as_file", [False, True])
def test_white_space_around_a_mounted_or_exported_value_goes(
    tmp_path: Path, begin: str, end: str, *, as_file: bool
) -> None:
    """``echo secret | base64`` ends with a newline, and every call would be refused for it."""
    values = ENVIRON | {
        "WORKER_PERSONALIZE__REGION": "eu-west-1",
        "WORKER_PERSONALIZE__ENDPOINT_URL": "https://a",
        "WORKER_KAFKA__GROUP_ID": "g",
        "WORKER_KAFKA__START": "latest",
        "WORKER_ADMIN__HOST": "::1",
        "WORKER_ADMIN__PORT": "8080",
        "WORKER_LIMITS__MAX_AGE_SECONDS": "60",
        "WORKER_DEAD_LETTERS__CREATE_TOPIC": "true",
        "WORKER_LOG__LEVEL": "error",
        "WORKER_RECORD__MAPPING": '{"item_id": "a"}',
    }
    environ = {name: f"{begin}{value}{end}" for name, value in values.items()}
    if as_file:
        for name, value in environ.items():
            (tmp_path / name).write_text(value, encoding="utf-8", newline="")
        environ = {f"{name}_FILE": str(tmp_path / name) for name in environ}
    assert read_settings(None, environ) == read_settings(None, values)


@pytest.mark.parametrize("as_file", [False, True])
@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("hunter2\n", "hunter2"),
        ("hunter2\r\n", "hunter2"),
        ("\ufeffhunter2\n", "hunter2"),
        ("hunter2\n\n", "hunter2\n"),
        (" hunter2 ", " hunter2 "),
        (" ", " "),
        ("hunter2\r", "hunter2\r"),
        ("a\nb\n", "a\nb"),
    ],
)
def test_of_a_password_one_newline_is_cut_off_and_nothing_else(
    tmp_path: Path, given_text: str, kept: str, *, as_file: bool
) -> None:
    variable, value = "WORKER_KAFKA__CLIENT__SASL_PASSWORD", given_text
    if as_file:
        secret = tmp_path / "password"
        secret.write_text(given_text, encoding="utf-8", newline="")
        variable, value = f"{variable}_FILE", str(secret)
    assert read_settings(None, ENVIRON | {variable: value}).kafka.client == {"sasl.password": kept}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WORKER_KAFKA__TOPICS", '["a\\n"]'),
        ("WORKER_KAFKA__TOPICS", "a,b\nc"),
        ("WORKER_PERSONALIZE__TRACKING_ID", "a b"),
        ("WORKER_PERSONALIZE__TRACKING_ID", "a\nb"),
        ("WORKER_PERSONALIZE__TRACKING_ID", "\u200babc"),
        ("WORKER_KAFKA__GROUP_ID", "a\nb"),
        ("WORKER_KAFKA__GROUP_ID", "a\x1bb"),
        ("WORKER_KAFKA__GROUP_ID", "a\udcffb"),
        ("WORKER_ADMIN__HOST", "a b"),
    ],
)
def test_what_stays_within_is_a_mistake_of_that_variable(variable: str, value: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_settings(None, ENVIRON | {variable: value})
    assert f"({variable})" in str(raised.value)


TEXT_KEYS = (
    "kafka.bootstrap_servers",
    "kafka.group_id",
    "personalize.tracking_id",
    "personalize.region",
    "personalize.endpoint_url",
    "dead_letters.topic",
    "admin.host",
)
GOOD = {
    "kafka.bootstrap_servers": "a:1",
    "kafka.group_id": "g",
    "personalize.tracking_id": "t",
    "personalize.region": "eu-west-1",
    "personalize.endpoint_url": "https://a",
    "dead_letters.topic": "d",
    "admin.host": "::1",
}


@settings(max_examples=sample(40, 200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from(TEXT_KEYS),
    odd=st.characters(categories=["Cc", "Zs", "Zl", "Zp"]),
    at_end=st.booleans(),
)
def test_no_text_of_the_file_has_white_space_or_control_characters_at_its_ends(
    tmp_path: Path, key: str, odd: str, *, at_end: bool
) -> None:
    """A pattern's ``$`` would let a newline through."""
    section, _, name = key.partition(".")
    value = f"{GOOD[key]}{odd}" if at_end else f"{odd}{GOOD[key]}"
    tree = {
        "kafka": {"bootstrap_servers": "a:1", "topics": ["a"]},
        "personalize": {"tracking_id": "t"},
        "dead_letters": {"topic": "d"},
    }
    tree.setdefault(section, {})[name] = value
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(tree))
    with pytest.raises(ConfigError) as raised:
        read_settings(path, {})
    assert [mistake.key for mistake in raised.value.mistakes] == [key]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("kafka.bootstrap_servers", "a:65536", "is not a valid address"),
        ("kafka.bootstrap_servers", "a:9092,b:0", "has the port 0"),
        ("kafka.bootstrap_servers", "[:::]:9092", "is not a valid address"),
        ("kafka.bootstrap_servers", 'a"b:9092', "must be host:port"),
        ("kafka.bootstrap_servers", "::1:9092", "must be host:port"),
        ("kafka.bootstrap_servers", "a..b:9092", "must be host:port"),
        ("personalize.endpoint_url", "https://a:99999", "is not a valid address"),
        ("personalize.endpoint_url", "https://[::1", "must be an address"),
        ("personalize.endpoint_url", "https://[1:2]", "is not a valid address"),
        ("personalize.endpoint_url", "https://a..b", "must be an address"),
        ("personalize.endpoint_url", "https://" + "a" * 64, "must be an address"),
        ("admin.host", "a..b", "must be a host's name"),
        ("admin.host", "[::1]", "must be a host's name"),
        ("admin.host", ":::", "is not a valid address"),
        ("dead_letters.topic", ".", "must be the name"),
        ("dead_letters.topic", "..", "must be the name"),
        ("dead_letters.topic", "a" * 250, "must be the name"),
        ("kafka.start", "error", "must be earliest or latest"),
    ],
)
def test_a_name_or_an_address_that_nobody_could_use_is_refused(
    tmp_path: Path, key: str, value: str, said: str
) -> None:
    section, _, name = key.partition(".")
    with pytest.raises(ConfigError) as raised:
        read_yaml_over(tmp_path, {section: {name: value}})
    assert [mistake.key for mistake in raised.value.mistakes] == [key]
    assert said in str(raised.value)


@pytest.mark.parametrize("topic", [".", "..", "a" * 250, "a b", "", "a/b"])
def test_a_topic_that_kafka_would_refuse_is_refused(tmp_path: Path, topic: str) -> None:
    with pytest.raises(ConfigError, match=r"kafka\.topics\[0\]: (is empty, )?must be a topic's name"):
        read_yaml_over(tmp_path, {"kafka": {"topics": [topic]}})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kafka.bootstrap_servers", "[::1]:9092, [fe80::1%eth0]:9092,b-1.kafka_x:65535"),
        ("personalize.endpoint_url", "http://[::1]:8080/x"),
        ("admin.host", "fe80::1%eth0"),
        ("admin.host", "::"),
        ("admin.host", "0.0.0.0"),  # noqa: S104  only a text here
        ("admin.host", None),
        ("kafka.group_id", "caf\u00e9 shop"),
    ],
)
def test_ipv6_and_odd_but_usable_names_are_taken(tmp_path: Path, key: str, value: str | None) -> None:
    section, _, name = key.partition(".")
    read = read_yaml_over(tmp_path, {section: {name: value}})
    assert getattr(getattr(read, section), name) == value


def read_yaml_over(tmp_path: Path, more: dict[str, dict[str, object]]) -> Settings:
    """The four keys that there have to be, and these."""
    tree: dict[str, dict[str, object]] = {
        "kafka": {"bootstrap_servers": "a:1", "topics": ["a"]},
        "personalize": {"tracking_id": "t"},
        "dead_letters": {"topic": "d"},
    }
    for section, keys in more.items():
        tree[section] = tree.get(section, {}) | keys
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(tree))
    return read_settings(path, {})


@pytest.mark.parametrize("topics", ['["a", "b", "a"]', "a,b,a", "a, b ,a,b"])
def test_a_topic_that_is_named_twice_is_read_once(topics: str) -> None:
    """Nothing is ambiguous about it; librdkafka would refuse the subscription."""
    assert read_settings(None, ENVIRON | {"WORKER_KAFKA__TOPICS": topics}).kafka.topics == ("a", "b")


@pytest.mark.parametrize(
    ("start", "reset", "agree"),
    [
        ("earliest", "earliest", True),
        ("earliest", "beginning", True),
        ("latest", "largest", True),
        ("latest", "earliest", False),
        ("earliest", "latest", False),
        ("earliest", "error", False),
        (None, "error", True),
        (None, "latest", True),
    ],
)
def test_where_a_group_begins_is_said_by_one_or_alike_by_both(
    tmp_path: Path, start: str | None, reset: str, *, agree: bool
) -> None:
    keys: dict[str, object] = {"client": {"auto.offset.reset": reset}} | ({"start": start} if start else {})
    if agree:
        read_yaml_over(tmp_path, {"kafka": keys})
        return
    with pytest.raises(ConfigError, match=r"kafka\.start: contradicts"):
        read_yaml_over(tmp_path, {"kafka": keys})


@pytest.mark.parametrize(
    ("revoke_seconds", "waits_ms", "fits"), [(10, 15_000, True), (10, 14_999, False), (60, 50_000, False)]
)
def test_the_group_waits_longer_than_letting_go_takes(
    tmp_path: Path, revoke_seconds: int, waits_ms: int, *, fits: bool
) -> None:
    """A member that takes longer is put out of the group, and what it delivered is repeated."""
    client = {"max.poll.interval.ms": waits_ms, "session.timeout.ms": 6000}
    section: dict[str, object] = {"revoke_seconds": revoke_seconds, "client": client}
    if fits:
        read_yaml_over(tmp_path, {"kafka": section})
        return
    with pytest.raises(ConfigError, match=r"max\.poll\.interval\.ms: is less than kafka\.revoke_seconds"):
        read_yaml_over(tmp_path, {"kafka": section})
