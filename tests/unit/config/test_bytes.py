"""What is mounted or exported is bytes: whatever they are, it is settings, or mistakes with a place."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.samples import sample
from worker.config import ConfigError, known_keys, read_settings
from worker.config.reading import MAX_BYTES

if TYPE_CHECKING:
    from pathlib import Path

GOOD = b"""\
kafka: {bootstrap_servers: "127.0.0.1:9092", topics: [interactions]}
personalize: {tracking_id: abc}
dead_letters: {topic: dead}
"""
ENVIRON = {
    "WORKER_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "WORKER_KAFKA__TOPICS": "interactions",
    "WORKER_PERSONALIZE__TRACKING_ID": "abc",
    "WORKER_DEAD_LETTERS__TOPIC": "dead",
}
LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
MERGES = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40))
anywhere = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def said_of(path: Path, environ: dict[str, str] | None = None) -> str:
    """What a user sees, without the folder; empty when all is well."""
    try:
        read_settings(path, environ or {})
    except ConfigError as error:
        return str(error).replace(f"{path.parent}/", "")
    return ""


@pytest.mark.parametrize(
    "written",
    [
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        b"\xff\xfe" + GOOD.decode().encode("utf-16-le"),
        b"\xfe\xff" + GOOD.decode().encode("utf-16-be"),
        b"---\n" + GOOD + b"...\n",
        b"\xef\xbb\xbf---\r\n" + GOOD,
    ],
)
def test_the_marks_that_editors_leave_do_no_harm(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(written)
    assert read_settings(path, {}).personalize.tracking_id == "abc"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (GOOD + b"log: {level: \xff}\n", "c.yaml: is not UTF-8 text (c.yaml:4)"),
        (b"\xff\xfe\x00", "c.yaml: is not UTF-8 text (c.yaml:1)"),
        (GOOD + b"log: {level: a\x00b}\n", "c.yaml: is not valid YAML: a control character (c.yaml:4)"),
        (b"\x7fELF\x02\x01\x01\x00", "c.yaml: is not valid YAML: a control character (c.yaml:1)"),
        (b"\x00" * 4096, "c.yaml: is not valid YAML: a control character (c.yaml:1)"),
        (b"#" * (MAX_BYTES + 1), "c.yaml: is larger than 256 KiB"),
        (GOOD + b"---\n" + GOOD, "c.yaml: is not valid YAML: but found another document (c.yaml:4:1)"),
        (
            b"kafka:\n\ttopics: [a]\n",
            "c.yaml: is not valid YAML: a tab, where YAML takes only spaces (c.yaml:2:1)",
        ),
        (b"kafka: {a: !!int ''}", "c.yaml: is not valid YAML: IndexError"),
        (b"kafka: {a: !!bool x}", "c.yaml: is not valid YAML: KeyError"),
        (b"kafka: {a: !!timestamp x}", "c.yaml: is not valid YAML: AttributeError"),
        (b"kafka: &a [*a]", "c.yaml: is not valid YAML: its aliases make it too large"),
        (b"kafka: &a {<<: *a}", "c.yaml: is not valid YAML: its aliases make it too large"),
        (LAUGHS.encode(), "c.yaml: is not valid YAML: its aliases make it too large"),
        (MERGES.encode(), "c.yaml: is not valid YAML: its aliases make it too large"),
        (b"record: {mapping: {item_id: " + b"[" * 30 + b"]" * 30 + b"}}", "nested too deep"),
        (b'personalize: {tracking_id: "a\\ud800"}', "tracking_id: contains a NUL or"),
        (b'kafka: {client: {sasl.password: "a\\0b"}}', "kafka.client.sasl.password: contains a NUL"),
        (b'record: {mapping: {item_id: {value: "a\\ud800"}}}', "item_id.value: contains a NUL or"),
    ],
)
def test_what_is_no_text_or_no_configuration_is_a_mistake_with_its_line(
    tmp_path: Path, written: bytes, said: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(written)
    assert said in said_of(path)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (None, "can't be read: No such file or directory"),
        (b"a\xffb", "is not UTF-8 text"),
        (b"a" * (MAX_BYTES + 1), "is larger than 256 KiB"),
        (b"a\x00b", "contains a NUL"),
    ],
)
def test_a_secret_that_is_none_is_named_by_its_variable(
    tmp_path: Path, written: bytes | None, said: str
) -> None:
    secret = tmp_path / "password"
    if written is not None:
        secret.write_bytes(written)
    with pytest.raises(ConfigError) as raised:
        read_settings(None, ENVIRON | {"WORKER_KAFKA__CLIENT__SASL_PASSWORD_FILE": str(secret)})
    assert said in str(raised.value)
    assert "(WORKER_KAFKA__CLIENT__SASL_PASSWORD_FILE)" in str(raised.value)


@pytest.mark.parametrize("name", ["", ".", "\x00", "a\x00b", "\ud800", "/dev/null/x", "x" * 5000])
def test_a_name_that_no_file_has_is_a_mistake(name: str) -> None:
    with pytest.raises(ConfigError, match="names a file that can't be read"):
        read_settings(None, ENVIRON | {"WORKER_KAFKA__CLIENT__SASL_PASSWORD_FILE": name})


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    """It is empty; the open would wait for ever."""
    pipe = tmp_path / "password"
    os.mkfifo(pipe)
    environ = ENVIRON | {"WORKER_KAFKA__CLIENT__SASL_PASSWORD_FILE": str(pipe)}
    assert read_settings(None, environ).kafka.client == {"sasl.password": ""}


def test_a_pipe_that_somebody_writes_to_is_read_to_its_end() -> None:
    """As a shell's <(command) is one."""
    reading, writing = os.pipe()
    writer = threading.Timer(0.2, lambda: (os.write(writing, b"hunter2\n"), os.close(writing)))
    writer.start()
    environ = ENVIRON | {"WORKER_KAFKA__CLIENT__SASL_PASSWORD_FILE": f"/dev/fd/{reading}"}
    assert read_settings(None, environ).kafka.client == {"sasl.password": "hunter2"}
    writer.join()
    os.close(reading)


PIECES = st.sampled_from(
    [
        b"kafka",
        b"client",
        b"topics",
        b"record",
        b"mapping",
        b"limits",
        b"max_age_seconds",
        b": ",
        b":\n  ",
        b"\n",
        b"- ",
        b"[",
        b"]",
        b"{",
        b"}",
        b", ",
        b"&a ",
        b"*a",
        b"<<: ",
        b"!!int ",
        b"!!bool ",
        b"!!float ",
        b"!!binary ",
        b"!!timestamp ",
        b"!!set ",
        b"!!omap ",
        b"!x ",
        b"'",
        b'"',
        b"|\n ",
        b"? ",
        b"0x",
        b"1e5",
        b".inf",
        b".nan",
        b"9" * 400,
        b"0x" + b"f" * 5000,
        b"2024-13-01",
        b"---\n",
        b"\t",
        b"#",
        b"%YAML 1.1\n",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\x00",
        b"\\ud800",
        b"=",
        b"~",
        b"1:2:3",
    ]
)


@settings(anywhere, max_examples=sample(60, 500))
@given(written=st.lists(PIECES, max_size=25).map(b"".join) | st.binary(max_size=60))
def test_no_bytes_of_a_configuration_raise_anything_but_a_config_error(
    tmp_path: Path, written: bytes
) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(written)
    assert said_of(path)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.binary(max_size=5)
    | st.integers(min_value=10**300, max_value=10**320)
    | st.just(-0.0)
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@settings(anywhere, max_examples=sample(40, 300))
@given(key=st.sampled_from(known_keys()), value=VALUES)
def test_no_value_of_a_key_raises_anything_but_a_config_error(
    tmp_path: Path, key: str, value: object
) -> None:
    section, _, name = key.partition(".")
    tree = yaml.safe_load(GOOD)
    tree.setdefault(section, {})[name] = value
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    said_of(path)


EXPORTED = (
    st.text(max_size=8)
    | st.binary(max_size=8).map(lambda each: each.decode("utf-8", "surrogateescape"))
    | st.sampled_from(
        [
            "nan",
            "-inf",
            "1e999",
            "9" * 5000,
            "0x1F",
            "[" * 3000,
            "{" * 3000,
            '["\\ud800"]',
            "[1e5]",
            "{}",
            "[]",
            "null",
        ]
    )
)


@settings(anywhere, max_examples=sample(60, 500))
@given(
    key=st.sampled_from(known_keys()),
    entry=st.sampled_from(["", "__SASL_PASSWORD", "__ITEM_ID"]),
    value=EXPORTED,
    as_file=st.booleans(),
)
def test_no_variable_raises_anything_but_a_config_error(
    tmp_path: Path, key: str, entry: str, value: str, *, as_file: bool
) -> None:
    """Nor does a file that one names."""
    name = "WORKER_" + key.upper().replace(".", "__", 1) + entry
    if as_file:
        secret = tmp_path / "secret"
        secret.write_bytes(value.encode("utf-8", "surrogatepass"))
        name, value = f"{name}_FILE", str(secret)
    try:
        read_settings(None, ENVIRON | {name: value})
    except ConfigError as error:
        assert error.mistakes  # noqa: PT017  either way is fine


def test_a_mistake_can_be_printed_whatever_the_file_is_called(tmp_path: Path) -> None:
    """A name may hold bytes that are no UTF-8."""
    with pytest.raises(ConfigError) as raised:
        read_settings(tmp_path / "a\udcff.yaml", ENVIRON | {"WORKER_KAFKA__CLIENT__\udcff": "x"})
    assert str(raised.value).encode()
