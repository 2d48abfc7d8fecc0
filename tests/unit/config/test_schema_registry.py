"""The section is checked at start, all of it at once; its secrets show nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.config import ConfigError, read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from worker.settings import SchemaRegistrySettings

MINIMAL = {
    "WORKER_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "WORKER_KAFKA__TOPICS": "interactions",
    "WORKER_PERSONALIZE__TRACKING_ID": "t",
    "WORKER_DEAD_LETTERS__TOPIC": "dead",
    "WORKER_RECORD__FORMAT": "avro",
}
URL = "https://registry:8081"
HERE = "http://127.0.0.1:1"
BLANKS = " s3cret "


def read(record_format: str = "avro", **keys: str) -> SchemaRegistrySettings:
    given = {f"WORKER_SCHEMA_REGISTRY__{key.upper()}": value for key, value in keys.items()}
    return read_settings(None, MINIMAL | given | {"WORKER_RECORD__FORMAT": record_format}).schema_registry


def mistakes(record_format: str = "avro", **keys: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        read(record_format, **keys)
    assert "s3cret" not in str(caught.value)
    return {each.key: each.reason for each in caught.value.mistakes}


def test_several_addresses_and_a_login_from_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{BLANKS}\n")
    conf = read(url=f"{URL}, {HERE}/base", user="me", password_file=str(secret))
    assert conf.url == (URL, f"{HERE}/base")
    assert conf.password == BLANKS
    assert "s3cret" not in repr(conf)
    assert "s3cret" not in repr(read(url=URL, token="s3cret"))  # noqa: S106  the test's own


def test_a_format_with_schemas_needs_one_or_a_file() -> None:
    assert mistakes() == {
        "schema_registry.url": "is missing: where the schemas of the avro records are, such as "
        "https://host:8081; or let record.schema_file name their one schema"
    }


def test_it_is_refused_where_nothing_asks_it() -> None:
    found = mistakes("json", url=URL)
    assert found == {"schema_registry.url": "is set, but record.format json needs none: remove it"}


@pytest.mark.parametrize(
    ("keys", "key", "reason"),
    [
        ({"url": "http://registry:8081"}, "url[0]", "would receive the login unencrypted"),
        ({"url": "https://me:s3cret@registry"}, "url[0]", "must be an address such as https://host:port"),
        ({"url": "https://registry:99999"}, "url[0]", "is not a valid address"),
        ({"url": f"{URL},{URL}"}, "url[1]", "is named twice"),
        ({"url": URL, "user": "me"}, "password", "is missing"),
        ({"url": URL, "password": "s3cret"}, "user", "is missing"),
        ({"url": URL, "token": "s3cret", "user": "me", "password": "s3cret"}, "token", "keep one kind"),
        ({"url": URL, "token": "s3cret with blanks"}, "token", "must be a token, without white space"),
        ({"url": URL, "ca_file": "/nowhere"}, "ca_file", "can't be used: No such file"),
        ({"url": URL, "client_key_file": "/nowhere"}, "client_certificate_file", "is missing"),
        ({"url": URL, "client_certificate_file": __file__}, "client_certificate_file", "it is no PEM file"),
        ({"url": HERE, "ca_file": "/nowhere"}, "ca_file", "does nothing"),
    ],
)
def test_what_contradicts_itself_or_can_not_be_used_is_named(
    keys: dict[str, str], key: str, reason: str
) -> None:
    found = mistakes(**keys)
    assert list(found) == [f"schema_registry.{key}"]
    assert reason in found[f"schema_registry.{key}"]


def test_plain_http_elsewhere_has_to_be_allowed() -> None:
    assert read(url="http://registry:8081", plain_http="true").url == ("http://registry:8081",)
