"""The login to Amazon MSK: whose keys sign it, when they are looked for, and what is told without any."""

from __future__ import annotations

import base64
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from confluent_kafka import Consumer

from worker.aws.provider_chain import CredentialsUnavailable, Loaded
from worker.aws.signing import Keys
from worker.commands.group_members import members
from worker.settings import KafkaSettings
from worker.sources.kafka import iam_login as module
from worker.sources.kafka.client_settings import client_settings
from worker.sources.kafka.cluster import unreachable_reason
from worker.sources.kafka.iam_login import IamLogin, NoKeys, authentication_of, region_of

MARKED = "topsecret"
NOWHERE = "127.0.0.1:1"


class Chain:
    """Stands for boto3's chain of providers."""

    def __init__(self) -> None:
        self.user: str | None = "FIRST"
        self.loads = 0

    def load(self) -> Loaded:
        self.loads += 1
        if self.user is None:
            raise CredentialsUnavailable("none is configured", code="NoCredentials")
        keys = Keys(self.user, MARKED)
        return Loaded("shared-credentials-file", lambda: keys)


class Clock:
    """Epoch seconds, moved by hand."""

    seconds = 1_700_000_000.0

    def __call__(self) -> float:
        return self.seconds


def user(token: str) -> str:
    """Whose key signed it."""
    url = urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    return parse_qs(url.query)["X-Amz-Credential"][0].partition("/")[0]


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def login(chain: Chain, clock: Clock) -> IamLogin:
    return IamLogin("eu-west-1", load=chain.load, clock=clock)


def test_all_clients_share_one_search_for_keys(login: IamLogin, chain: Chain) -> None:
    assert {user(login("")[0]) for _ in range(4)} == {"FIRST"}
    assert chain.loads == 1


def test_a_token_is_told_to_end_a_quarter_of_an_hour_later(login: IamLogin, clock: Clock) -> None:
    assert login("")[1] == clock.seconds + 900


def test_changed_keys_sign_the_next_round_of_tokens(login: IamLogin, chain: Chain, clock: Clock) -> None:
    """librdkafka asks for that after twelve minutes."""
    login("")
    chain.user, clock.seconds = "SECOND", clock.seconds + 720
    assert user(login("")[0]) == "SECOND"


def test_the_last_keys_are_used_while_there_are_no_others(
    login: IamLogin, chain: Chain, clock: Clock
) -> None:
    login("")
    chain.user, clock.seconds = None, clock.seconds + 720
    assert user(login("")[0]) == "FIRST"
    chain.user, clock.seconds = "THIRD", clock.seconds + 720
    assert user(login("")[0]) == "THIRD"


def test_without_keys_it_says_so_before_a_client_waits_for_a_token(login: IamLogin, chain: Chain) -> None:
    chain.user = None
    with pytest.raises(NoKeys, match="none is configured"):
        login.find_keys()
    chain.user = "LATER"
    login.find_keys()


@pytest.mark.parametrize(
    ("servers", "region"),
    [
        ("b-1.shop.a1b2c3.c2.kafka.eu-west-1.amazonaws.com:9098", "eu-west-1"),
        ("boot-x1.c1.kafka-serverless.us-east-1.amazonaws.com:9098", "us-east-1"),
        ("b-1.x.kafka.cn-north-1.amazonaws.com.cn:9098", "cn-north-1"),
        ("b-1.x.kafka.eu-west-1.amazonaws.com:9098, b-2.x.kafka.eu-west-1.amazonaws.com:9098", "eu-west-1"),
        ("b-1.x.kafka.eu-west-1.amazonaws.com:9098,b-2.x.kafka.us-east-1.amazonaws.com:9098", None),
        ("kafka.shop.internal:9098", None),
        ("b-1.kafka.eu-west-1.amazonaws.com.example.org:9098", None),
        ("127.0.0.1:9098", None),
    ],
)
def test_the_region_of_brokers_is_in_their_names(servers: str, region: str | None) -> None:
    assert region_of(servers) == region


@pytest.fixture
def kafka(login: IamLogin, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    """A configuration for which no process of boto3 is started."""
    monkeypatch.setattr(module, "_shared", lambda _: login)
    return KafkaSettings(
        bootstrap_servers=NOWHERE, topics=("a",), authentication="aws_msk_iam", region="eu-west-1"
    )


@pytest.mark.parametrize("purpose", ["consumer", "producer", "admin"])
def test_each_client_logs_in_by_it_and_only_over_tls(kafka: KafkaSettings, purpose: str) -> None:
    settings = client_settings(kafka, for_=purpose)  # type: ignore[arg-type]  # one of them
    assert (settings["security.protocol"], settings["sasl.mechanism"]) == ("sasl_ssl", "OAUTHBEARER")
    assert authentication_of(settings) == "aws_msk_iam"


def test_a_client_has_its_token_at_once(kafka: KafkaSettings, chain: Chain, clock: Clock) -> None:
    """The constructor waits for it, and a loop waits for the constructor."""
    clock.seconds = time.time()
    Consumer(client_settings(kafka, for_="consumer")).close()
    assert chain.loads == 1


def test_kafka_without_keys_is_not_asked(kafka: KafkaSettings, chain: Chain) -> None:
    """A client without a token would wait for ten seconds, and not tell why."""
    chain.user = None
    said = unreachable_reason(kafka, 5) or ""
    assert "no AWS credentials for the login: none is configured: give the pod a role" in said
    assert MARKED not in said
    assert "no AWS credentials" in members(kafka, "group")
