"""A worker delivers by each way to log in, is told what is wrong, and takes up what changes while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.samples import only_ci, only_long
from tests.support.secured.certificates import Authority, Mounted
from tests.support.secured.login_provider import LoginProvider
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.secured.conftest import SecuredSite
    from tests.support.secured.broker import SecuredKafka
    from tests.support.secured.login_provider import SigningKey

pytestmark = pytest.mark.kafka

TOKEN_SECONDS = 8
SCRAM = {
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": "worker",
}
PASSWORD = "WORKER_KAFKA__CLIENT__SASL_PASSWORD_FILE"  # noqa: S105  a variable's name
CLIENT_SECRET = "WORKER_KAFKA__CLIENT__SASL_OAUTHBEARER_CLIENT_SECRET_FILE"  # noqa: S105  as above


@pytest.fixture
def ca(secured_kafka: SecuredKafka) -> dict[str, str]:
    """Whom the worker trusts."""
    return {"ssl.ca.location": str(secured_kafka.authority.certificate)}


@only_long
def test_a_scram_password_that_is_changed_under_load_costs_nothing(
    site: SecuredSite, secured_kafka: SecuredKafka, ca: dict[str, str], tmp_path: Path
) -> None:
    """The broker has every connection log in again within seconds, and takes the new password only."""
    secured_kafka.set_password("first-password")
    mounted = Mounted(tmp_path / "secret", {"password": "first-password\n"})
    # In the group for longer than the new password takes to be seen, as with Kafka's own 45 s.
    client = SCRAM | ca | {"session.timeout.ms": 30_000}
    worker = site.log_in("SCRAM", {PASSWORD: mounted["password"]}, client=client)
    with site.load():
        site.wait_until_accepted(300)
        secured_kafka.set_password("second-password")
        mounted.swap({"password": "second-password\n"})
        site.wait_until_renewed(worker)
        site.flow_on(1000)
    site.assert_kept_by(worker)
    assert worker.metric("personalize_worker_rebalances_total") == 1


MEMBERS: dict[str, dict[str, str]] = {
    "classic": {},
    "static": {"group.instance.id": "worker-{hostname}"},
    "consumer": {"group.protocol": "consumer"},
    "static consumer": {"group.protocol": "consumer", "group.instance.id": "worker-{hostname}"},
}


@only_long
@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("broker_first", [False, True], ids=["files first", "broker first"])
def test_certificates_that_are_renewed_under_load_cost_nothing(
    site: SecuredSite, secured_kafka: SecuredKafka, tmp_path: Path, *, broker_first: bool, member: str
) -> None:
    """Every authority is another one afterwards, and the old ones are trusted by nobody."""
    first, second = secured_kafka.authority, Authority(tmp_path / "pki", "second")
    old, new = first.sign("worker"), second.sign("worker")
    both = first.certificate.read_text() + second.certificate.read_text()
    secured_kafka.move_to(first, trusting=[first, second])
    mounted = Mounted(tmp_path / "secret", {"ca.crt": both, "user.crt": old[0], "user.key": old[1]})
    client = {
        "security.protocol": "SSL",
        "ssl.ca.location": mounted["ca.crt"],
        "ssl.certificate.location": mounted["user.crt"],
        "ssl.key.location": mounted["user.key"],
        **MEMBERS[member],
    }
    renewed = {"ca.crt": second.certificate, "user.crt": new[0], "user.key": new[1]}
    try:
        worker = site.log_in("MTLS", client=client)
        with site.load():
            site.wait_until_accepted(300)
            if broker_first:
                secured_kafka.move_to(second, trusting=[second])
                mounted.swap(renewed)
            else:
                mounted.swap(renewed | {"ca.crt": both})
                site.wait_until_renewed(worker)
                site.flow_on()
                secured_kafka.move_to(second, trusting=[second])
            site.wait_until_renewed(worker)
            site.flow_on(1000)
        site.assert_kept_by(worker)
    finally:
        secured_kafka.move_to(first, trusting=[first])


@pytest.fixture
def provider(secured_kafka: SecuredKafka, signing_key: SigningKey) -> Iterator[LoginProvider]:
    """The place where tokens come from."""
    certificate = secured_kafka.authority.sign("login")
    with LoginProvider(signing_key, certificate, seconds=TOKEN_SECONDS) as provider:
        yield provider


@only_long
def test_tokens_of_oidc_are_renewed_again_and_again_while_records_flow(
    site: SecuredSite, provider: LoginProvider, ca: dict[str, str], tmp_path: Path
) -> None:
    """And by another secret, once it has changed."""
    mounted = Mounted(tmp_path / "secret", {"client-secret": "first-secret"})
    client = ca | {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": provider.url,
        "sasl.oauthbearer.client.id": "personalize-worker",
        "https.ca.location": ca["ssl.ca.location"],
    }
    worker = site.log_in("OIDC", {CLIENT_SECRET: mounted["client-secret"]}, client=client)
    with site.load():
        site.wait_until_accepted(300)
        seen = provider.handed_out
        until(lambda: provider.handed_out >= seen + 9, 60, what="three tokens each of three clients")
        site.flow_on()
        assert not provider.refused
        provider.secret = "second-secret"  # noqa: S105  the tests' own
        mounted.swap({"client-secret": "second-secret"})
        site.wait_until_renewed(worker)
        site.flow_on(1000)
    site.assert_kept_by(worker)


@only_long
def test_the_login_to_msk_is_that_of_the_role_and_outlives_its_connections(
    site: SecuredSite, ca: dict[str, str]
) -> None:
    """The broker has every connection log in again within seconds, and checks who signed the token."""
    worker = site.log_in("MSK", authentication="aws_msk_iam", region="eu-west-1", client=ca)
    with site.load():
        site.wait_until_accepted(3000)
    site.assert_kept_by(worker)
    assert not worker.events("kafka.trouble")


@only_ci
def test_a_wrong_login_is_told_in_words_and_put_right_without_a_restart(
    site: SecuredSite, secured_kafka: SecuredKafka, ca: dict[str, str], tmp_path: Path
) -> None:
    """At the start; ``check`` says the same."""
    secured_kafka.set_password("first-password")
    mounted = Mounted(tmp_path / "secret", {"password": "second-password"})
    worker = site.log_in("SCRAM", {PASSWORD: mounted["password"]}, client=SCRAM | ca)
    address = secured_kafka.listener("SCRAM")
    said = until(lambda: "Authentication failed" in worker.ready()[1] and worker.ready()[1], 30)
    assert f"kafka: {address}" in str(said)
    assert "check sasl.mechanism, sasl.username and sasl.password of kafka.client" in str(said)
    site.produce(100)
    mounted.swap({"password": "first-password"})
    worker.wait_until_ready()
    site.assert_kept_by(worker)


@only_long
def test_a_role_that_may_not_connect_is_told_which_permission_it_lacks(
    site: SecuredSite, ca: dict[str, str]
) -> None:
    site.set_secret("another")
    worker = site.log_in("MSK", authentication="aws_msk_iam", region="eu-west-1", client=ca)
    said = until(lambda: "Access denied" in worker.ready()[1] and worker.ready()[1], 30)
    assert "allow kafka-cluster:Connect on the cluster to the worker's role" in str(said)
    login = {"bootstrap_servers": site.kafka.listener("MSK"), "client": ca}
    check = site.start_command(
        "check", kafka=login | {"authentication": "aws_msk_iam", "region": "eu-west-1"}
    )
    assert check.exit_code(60) == 1
    assert "allow kafka-cluster:Connect on the cluster to the worker's role" in check.log.read_text()
