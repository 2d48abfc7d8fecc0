"""Reading the YAML file: every mistake at once, each with its place, no value shown."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.config import ConfigError, read_settings
from worker.settings import Settings

GOOD = """\
kafka: {bootstrap_servers: "127.0.0.1:9092", topics: [interactions]}
personalize: {tracking_id: abc}
dead_letters: {topic: dead}
"""


Read: TypeAlias = Callable[[str], Settings]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a file and read the settings of it."""

    def read_text(text: str) -> Settings:
        path = tmp_path / "c.yaml"
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        return read_settings(path, {})

    return read_text


def mistakes_of(read: Read, text: str) -> list[str]:
    """The lines that a user sees, without the folder."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [str(mistake).replace(f"{Path(mistake.where).parent}/", "") for mistake in caught.value.mistakes]


def test_the_four_keys_without_a_default_are_enough(read: Read) -> None:
    """Everything else has a default."""
    settings = read(GOOD)
    assert settings.kafka.group_id == "personalize-worker"
    assert settings.batching.max_events == 10


def test_the_four_keys_without_a_default_are_asked_for(read: Read) -> None:
    """An empty file is a configuration from which four keys are missing."""
    keys = [line.split(":")[0] for line in mistakes_of(read, "")]
    assert keys == [
        "kafka.bootstrap_servers",
        "kafka.topics",
        "personalize.tracking_id",
        "dead_letters.topic",
    ]


def test_a_missing_dead_letter_topic_comes_with_the_command_that_makes_it(read: Read) -> None:
    """The user can copy it."""
    assert "kafka-topics.sh" in mistakes_of(read, GOOD.replace("topic: dead", ""))[0]


def test_all_mistakes_are_shown_at_once(read: Read) -> None:
    """Nobody has to start the worker five times to find five mistakes."""
    text = (
        GOOD + "batching: {max_events: 12, linger: 1}\nlog: {level: inof}\nretry: {max_wait_seconds: soon}\n"
    )
    assert mistakes_of(read, text) == [
        "batching.max_events: is 12, must be a whole number from 1 to 10 (c.yaml:4)",
        "batching.linger: unknown key; did you mean batching.linger_seconds? (c.yaml:4)",
        "retry.max_wait_seconds: is text, must be a number above 0, 300 at most (c.yaml:6)",
        "log.level: must be debug or error or info or warning; did you mean info? (c.yaml:5)",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "kafka: {bootstrap_server: x}",
            "kafka.bootstrap_server: unknown key; did you mean kafka.bootstrap_servers?",
        ),
        ("kafk: {}", "kafk: unknown section; did you mean kafka?"),
        ("tracking_id: x", "tracking_id: unknown section; did you mean personalize.tracking_id?"),
        (
            "kafka: {sasl.password: x}",
            "kafka.sasl.password: unknown key; did you mean kafka.client.sasl.password?",
        ),
        (
            "kafka: {client: {sasl.pasword: x}}",
            "sasl.pasword: unknown to librdkafka; did you mean sasl.password?",
        ),
        ("record: {mapping: {sent_att: x}}", "record.mapping.sent_att: unknown field"),
    ],
)
def test_an_unknown_name_names_the_nearest_known_one(read: Read, text: str, said: str) -> None:
    """A slip of the finger is found at once."""
    assert any(said in line for line in mistakes_of(read, text))


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("batching: [1]", "batching: is a list, must be a mapping"),
        ("batching: {linger_seconds: .nan}", "linger_seconds: is nan, must be"),
        ("batching: {linger_seconds: .inf}", "linger_seconds: is inf, must be"),
        ("batching: {max_events: true}", "max_events: is true/false, must be a whole number"),
        ("batching: {max_events: }", "max_events: is empty, must be a whole number"),
        ("admin: {port: 99999}", "admin.port: is 99999, must be a whole number from 0 to 65535"),
        ("admin: {host: 5}", "admin.host: must be a host's name"),
        ("admin: {host: ''}", "admin.host: is empty, must be a host's name"),
        ("log: {level: 2024-01-01}", "log.level: must be debug"),
        ("retry: {first_wait_seconds: 30}", "first_wait_seconds: is longer than retry.max_wait_seconds"),
        ("personalize: {tracking_id: a, region: ireland}", "personalize.region: must be a region's name"),
        ("personalize: {tracking_id: a, endpoint_url: 'https://a:b@c'}", "endpoint_url: must be an address"),
        ("personalize: {tracking_id: a, endpoint_url: 'https://c?b=a'}", "endpoint_url: must be an address"),
        ("kafka: {bootstrap_servers: 'a:b@c:1', topics: [a]}", "bootstrap_servers: must be host:port"),
        ("dead_letters: {topic: a b}", "dead_letters.topic: must be the name"),
        ("limits: {when_too_old: skip}", "max_age_seconds: is not set, so limits.when_too_old: skip does"),
        ("limits: {max_age_seconds: 1}", "max_age_seconds: is not above batching.linger_seconds"),
        ("limits: {max_age_seconds: 0}", "max_age_seconds: is a number, must be a number above 0"),
        ("dead_letters: {topic: interactions}", "kafka.topics[0]: matches dead_letters.topic"),
    ],
)
def test_a_wrong_value_is_refused_with_its_reason(read: Read, section: str, said: str) -> None:
    """The reason says what would be right."""
    kept = [line for line in GOOD.splitlines() if line.split(":", 1)[0] != section.split(":", 1)[0]]
    assert any(said in line for line in mistakes_of(read, "\n".join([*kept, section])))


def test_a_value_that_is_wrong_in_itself_breaks_no_rule_besides(read: Read) -> None:
    """It was set, if wrongly: that it is not set would be one mistake too many."""
    said = mistakes_of(read, GOOD + "limits: {max_age_seconds: soon, when_too_old: skip}")
    assert [line.split(": ")[1] for line in said] == [
        "is text, must be a number above 0, 1e+09 at most (c.yaml:4)"
    ]


def test_an_item_of_a_list_is_named_by_its_place(read: Read) -> None:
    """Of twenty topics, the wrong one is pointed at."""
    said = mistakes_of(read, GOOD.replace("[interactions]", "[a, 'b c', [5]]"))
    assert [line.split(": ")[0] for line in said] == ["kafka.topics[1]", "kafka.topics[2]"]


def test_a_pattern_that_takes_in_the_dead_letters_is_refused(read: Read) -> None:
    """The worker would deliver its own dead letters to itself, for ever."""
    said = mistakes_of(read, GOOD.replace("[interactions]", "[interactions, '^x', '^d.+']"))
    assert said == [
        "kafka.topics[2]: matches dead_letters.topic: the worker would read its own dead letters (c.yaml:1)"
    ]


@pytest.mark.parametrize("pattern", [r"^a\d+", "^(?i)a", "^a(", r"^[\w.]+-events$", "^clicks|views", "^__.*"])
def test_a_pattern_that_not_all_read_alike_is_refused_with_its_place(read: Read, pattern: str) -> None:
    """POSIX knows no \\d: it would silently match nothing."""
    (said,) = mistakes_of(read, GOOD.replace("[interactions]", f"[a, '{pattern}']"))
    assert said.startswith("kafka.topics[1]: must be a pattern that librdkafka and brokers read alike; it ")


def test_a_key_that_stands_twice_is_refused_with_both_lines(read: Read) -> None:
    """YAML would silently take the last."""
    said = mistakes_of(read, GOOD + "batching:\n  max_events: 3\n  max_events: 4\nbatching: {}\n")
    assert said == [
        "batching.max_events: occurs twice, on lines 5 and 6 (c.yaml:6)",
        "batching: occurs twice, on lines 4 and 7 (c.yaml:7)",
    ]


def test_merging_is_not_standing_twice(read: Read) -> None:
    """Anchors and merge keys are for saying a thing once."""
    text = GOOD + "batching: &a {max_events: 3}\nrecord: {mapping: {item_id: {<<: {path: a}, path: b}}}\n"
    assert read(text).batching.max_events == 3


def test_broken_yaml_is_named_with_line_and_column(read: Read) -> None:
    """As YAML itself says it."""
    assert "is not valid YAML" in mistakes_of(read, "kafka: [a\nb: c")[0]
    assert mistakes_of(read, "kafka: [a\nb: c")[0].endswith("c.yaml:2:2)")


@pytest.mark.parametrize(
    "text", ["5", "[a]", "text", "a: 2024-13-45", "a: \udcff", "a: !!python/object:os.x {}", "- : -:"]
)
def test_what_is_no_mapping_or_no_yaml_is_a_mistake(read: Read, text: str) -> None:
    """And not a traceback."""
    assert len(mistakes_of(read, text)) == 1


@pytest.mark.parametrize("sign", ["*", "!", "'", '"', "&", "%", "@", "{", "!!", "- ", "? "])
def test_a_password_that_breaks_the_yaml_is_not_shown(read: Read, sign: str) -> None:
    """YAML's own complaint cites the alias or tag for which it took the password."""
    said = "".join(mistakes_of(read, f"kafka: {{client: {{sasl.password: {sign}hunter2}}}}"))
    assert "hunter2" not in said


@pytest.mark.parametrize("sign", [":", "=", " ", "::"])
def test_a_secret_that_yaml_takes_for_a_part_of_the_name_is_not_shown(read: Read, sign: str) -> None:
    """In braces, a colon without a space after it is a letter like any other."""
    said = "".join(mistakes_of(read, f"kafka: {{client: {{sasl.password{sign}hunter2}}}}"))
    assert "kafka" in said
    assert "hunter2" not in said


def test_a_file_that_is_nested_too_deep_is_no_yaml(read: Read) -> None:
    """It is a mistake in the file, not in the worker."""
    (said,) = mistakes_of(read, "kafka: " + "[" * 5000)
    assert said.endswith("c.yaml: is not valid YAML: RecursionError")


@pytest.mark.parametrize("problem", ["missing", "folder"])
def test_a_file_that_can_not_be_read_is_a_mistake(tmp_path: Path, problem: str) -> None:
    """It is named, with the system's reason."""
    path = tmp_path if problem == "folder" else tmp_path / "none.yaml"
    with pytest.raises(ConfigError, match=r"can't be read: (No such file|Is a directory)"):
        read_settings(path, {})


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(section=st.sampled_from(["kafka", "batching", "record", "log"]), junk=JUNK)
def test_no_content_of_a_section_raises_anything_but_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, section: str, junk: object
) -> None:
    """Whatever stands in a section, the user gets a list of mistakes or the settings."""
    import yaml  # noqa: PLC0415  one test's need

    path = tmp_path_factory.getbasetemp() / "junk.yaml"
    path.write_text(yaml.safe_dump({section: junk}, allow_unicode=False), encoding="utf-8")
    with pytest.raises(ConfigError):
        read_settings(path, {})


@pytest.mark.parametrize(
    "key", ["record.columns", "record.placeholder_ids", "kafka.topics", "schema_registry.url"]
)
def test_a_set_is_no_list(read: Read, key: str) -> None:
    """It has no order, so the columns of a line would change places from start to start."""
    section, name = key.split(".")
    text = f"{section}: {{{name}: !!set {{a, b}}}}\n"
    assert any(each.startswith(f"{key}: is a set, must be a list") for each in mistakes_of(read, text))
