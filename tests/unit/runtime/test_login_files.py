"""Mounted secrets, as they change: what is seen, and what is not taken for a change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.secured.certificates import Mounted
from worker.config.environment import client_files
from worker.runtime.login_files import LoginFiles
from worker.settings import KafkaSettings

if TYPE_CHECKING:
    from worker.settings import ClientValue


def login(values: dict[str, Path], **client: ClientValue) -> LoginFiles:
    return LoginFiles(KafkaSettings(bootstrap_servers="a:1", topics=("a",), client=client), values)


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    return Mounted(tmp_path / "secret", {"password": "first\n", "tls.crt": "one"})


def test_the_environment_says_which_files_hold_values() -> None:
    found = client_files(
        {
            "WORKER_KAFKA__CLIENT__SASL_PASSWORD_FILE": "/run/password",
            "WORKER_KAFKA__CLIENT__SASL_USERNAME": "worker",
            "WORKER_PERSONALIZE__TRACKING_ID_FILE": "/run/tracker",
            "WORKER_KAFKA_SERVICE_HOST": "10.0.0.1",
            "PATH": "/bin",
        }
    )
    assert found == {"sasl.password": Path("/run/password")}


def test_nothing_is_seen_while_nothing_changes(mounted: Mounted) -> None:
    one = login(
        {"sasl.password": Path(mounted["password"])},
        **{"sasl.password": "first", "ssl.ca.location": mounted["tls.crt"]},
    )
    mounted.swap({"password": "first\n", "tls.crt": "one"})
    assert one.watched
    assert one.look() is None


def test_a_password_is_read_as_at_the_start_and_takes_no_other_client(mounted: Mounted) -> None:
    one = login(
        {"sasl.password": Path(mounted["password"])}, **{"sasl.password": "first", "sasl.username": "u"}
    )
    mounted.swap({"password": " second \n"})
    change = one.look()
    assert change is not None
    assert (change.names, change.anew) == (("sasl.password",), False)
    assert change.kafka.client == {"sasl.password": " second ", "sasl.username": "u"}
    assert one.look() == change, "it is seen until it is in use"
    one.use(change)
    assert one.look() is None


@pytest.mark.parametrize(
    "name", ["ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "https.ca.location"]
)
def test_a_certificate_takes_another_client(mounted: Mounted, name: str) -> None:
    one = login({}, **{name: mounted["tls.crt"]})
    mounted.swap({"tls.crt": "two"})
    change = one.look()
    assert change is not None
    assert (change.names, change.anew) == ((name,), True)
    one.use(change)
    assert one.look() is None


def test_a_folder_of_authorities_is_looked_into(tmp_path: Path) -> None:
    one = login({}, **{"ssl.ca.location": str(tmp_path)})
    (tmp_path / "another.pem").write_text("two")
    change = one.look()
    assert change is not None
    assert change.anew


def test_a_client_secret_takes_another_client(mounted: Mounted) -> None:
    """librdkafka has no way to be told of it."""
    secret = {"sasl.oauthbearer.client.secret": "first"}
    one = login({"sasl.oauthbearer.client.secret": Path(mounted["password"])}, **secret)
    mounted.swap({"password": "second"})
    change = one.look()
    assert change is not None
    assert change.anew


def test_a_file_that_is_away_is_no_change(mounted: Mounted) -> None:
    """Whoever writes files one by one takes the old one away first."""
    one = login(
        {"sasl.password": Path(mounted["password"])},
        **{"sasl.password": "first", "ssl.ca.location": mounted["tls.crt"]},
    )
    Path(mounted["tls.crt"]).unlink()
    assert one.look() is None
    Path(mounted["password"]).unlink()
    assert one.look() is None


def test_what_is_no_file_is_not_watched() -> None:
    """librdkafka reads ``probe`` as the system's authorities."""
    assert not login({}, **{"ssl.ca.location": "probe", "sasl.password": "x"}).watched


def test_what_has_changed_is_told_without_its_value(mounted: Mounted) -> None:
    one = login({"sasl.password": Path(mounted["password"])}, **{"sasl.password": "first"})
    mounted.swap({"password": "topsecret"})
    assert "topsecret" not in repr(one.look())
