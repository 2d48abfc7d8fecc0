"""``kafka.authentication``: what it needs, and what contradicts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from worker.config import ConfigError, read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from worker.settings import KafkaSettings

BROKERS = "b-1.shop.a1b2c3.c2.kafka.eu-west-1.amazonaws.com:9098"


def read(path: Path, **kafka: Any) -> KafkaSettings:
    file = path / "config.yaml"
    own = {"bootstrap_servers": BROKERS, "topics": ["interactions"], "authentication": "aws_msk_iam"}
    tree = {
        "kafka": {**own, **kafka},
        "personalize": {"tracking_id": "t"},
        "dead_letters": {"topic": "letters"},
    }
    file.write_text(yaml.safe_dump(tree))
    return read_settings(file, {}).kafka


def mistakes(path: Path, **kafka: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as raised:
        read(path, **kafka)
    return {each.key: each.reason for each in raised.value.mistakes}


def test_the_brokers_names_tell_the_region(tmp_path: Path) -> None:
    assert read(tmp_path).region is None
    assert read(tmp_path, client={"security.protocol": "SASL_SSL", "client.rack": "euw1-az1"}).client


def test_brokers_by_another_name_need_a_region(tmp_path: Path) -> None:
    found = mistakes(tmp_path, bootstrap_servers="kafka.shop.internal:9098")
    assert found.keys() == {"kafka.region"}
    assert read(tmp_path, bootstrap_servers="kafka.shop.internal:9098", region="eu-west-1").region


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("security.protocol", "sasl_plaintext"),
        ("security.protocol", "ssl"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.mechanisms", "PLAIN"),
        ("sasl.username", "worker"),
        ("sasl.oauthbearer.method", "oidc"),
        ("enable.sasl.oauthbearer.unsecure.jwt", "true"),
    ],
)
def test_another_login_beside_it_is_refused(tmp_path: Path, name: str, value: str) -> None:
    """Above all one that sends the token readable."""
    assert f"kafka.client.{name}" in mistakes(tmp_path, client={name: value})


@pytest.mark.parametrize("name", ["ssl.ca.location", "ssl.certificate.location", "ssl.key.location"])
def test_a_certificate_that_is_not_there_is_told_so(tmp_path: Path, name: str) -> None:
    """OpenSSL's own words are "BIO lib" and "system lib"."""
    client = {"security.protocol": "ssl", name: str(tmp_path / "tls.crt")}
    found = mistakes(tmp_path, authentication="client", client=client)
    assert found == {f"kafka.client.{name}": "names a file that can't be read: No such file or directory"}


def test_the_system_s_authorities_are_no_file(tmp_path: Path) -> None:
    assert read(tmp_path, authentication="client", client={"ssl.ca.location": "probe"}).client


def test_a_region_without_it_does_nothing(tmp_path: Path) -> None:
    assert mistakes(tmp_path, authentication="client", region="eu-west-1").keys() == {"kafka.region"}


def test_a_misspelt_value_is_told_the_right_one(tmp_path: Path) -> None:
    assert "aws_msk_iam" in mistakes(tmp_path, authentication="msk_iam")["kafka.authentication"]


def test_oauthbearer_without_a_source_of_tokens_is_told_of_it(tmp_path: Path) -> None:
    client = {"security.protocol": "sasl_ssl", "sasl.mechanism": "OAUTHBEARER"}
    found = mistakes(tmp_path, authentication="client", client=client)
    assert "kafka.authentication: aws_msk_iam" in found["kafka.client.sasl.mechanism"]
