"""Logs in to Amazon MSK by the pod's IAM identity: keys from AWS, and a signed token for every connection.

librdkafka asks for a token when a client is made and again after 80 % of its life, from a thread of its own.
So neither the event loop nor a poll ever waits here. Keys are looked for anew for each round of tokens, by
boto3 in a process that ends (``worker.aws.boto_subprocess``), and shared by all clients here. Where none can
be had, the last ones are used on: what is logged in already does not depend on them.
"""

from __future__ import annotations

import re
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, Final

from worker.version import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.aws.provider_chain import Loaded
    from worker.aws.signing import Keys
    from worker.settings import KafkaSettings

AWS_MSK_IAM: Final = "aws_msk_iam"
"""The value of ``kafka.authentication`` that chooses it."""

# What librdkafka has to be told for it, beside the callback.
CLIENT_SETTINGS: Final = {"security.protocol": "sasl_ssl", "sasl.mechanism": "OAUTHBEARER"}

# Tokens live for 15 minutes, so a changed file of keys is read for the next one; all clients share a load.
_FRESH_SECONDS: Final = 300.0
# In every region a broker's name tells it: b-1.shop.abc123.c2.kafka.eu-west-1.amazonaws.com, also serverless.
_BROKER: Final = re.compile(r"\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$")


class NoKeys(Exception):  # noqa: N818  it names the state
    """There are no AWS keys to sign a login with; ``str()`` says why and contains no secret."""


class IamLogin:
    """The callback that librdkafka gets tokens from. Thread-safe.

    Args:
        region: the cluster's.
        load: finds keys and blocks; by default, botocore's chain.
        clock: epoch seconds.
    """

    def __init__(
        self,
        region: str,
        *,
        load: Callable[[], Loaded] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._region = region
        self._load = load or _load_with_boto(region)
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Keys | None = None
        self._loaded_at = float("-inf")

    def __call__(self, _: str) -> tuple[str, float]:
        """Return a token and the epoch second until which it is good.

        Raises:
            NoKeys: there never were any. Ask ``find_keys`` before a client is made: librdkafka would say of
                it only that there is no token, ten seconds later.
        """
        from worker.aws.msk_token import LIFE_SECONDS, msk_token  # noqa: PLC0415  seldom needed

        keys, now = self._current(), self._clock()
        return msk_token(keys, self._region, now, USER_AGENT), now + LIFE_SECONDS

    def find_keys(self) -> None:
        """Look for keys, so that the first token needs none to be found. It blocks, for a second as a rule.

        Raises:
            NoKeys: there are none.
        """
        self._current()

    def _current(self) -> Keys:
        from worker.aws.provider_chain import describe, validate  # noqa: PLC0415  seldom needed

        with self._lock:
            if self._keys is not None and self._clock() - self._loaded_at < _FRESH_SECONDS:
                return self._keys
            try:
                self._keys = validate(self._load().fetch())
            except Exception as error:  # noqa: BLE001  a provider runs the user's program or plugin
                if self._keys is None:
                    raise NoKeys(describe(error)) from None
            # After a failure too: a token is wanted now, and AWS is asked again for the next one.
            self._loaded_at = self._clock()
            return self._keys


def region_of(bootstrap_servers: str) -> str | None:
    """Return the AWS region that the brokers' names tell; None where they tell none, or several."""
    hosts = (each.strip().rpartition(":")[0].lower() for each in bootstrap_servers.split(","))
    regions = {match[1] if (match := _BROKER.search(host)) else None for host in hosts}
    return regions.pop() if len(regions) == 1 else None


def iam_login(kafka: KafkaSettings) -> IamLogin:
    """Return the login of this process at the clusters of the configured region."""
    return _shared(kafka.region or region_of(kafka.bootstrap_servers) or "")


def authentication_of(settings: Mapping[str, object]) -> str:
    """Return the ``kafka.authentication`` of a client with these settings."""
    return AWS_MSK_IAM if isinstance(settings.get("oauth_cb"), IamLogin) else "client"


@cache
def _shared(region: str) -> IamLogin:
    return IamLogin(region)


def why_no_login(kafka: KafkaSettings) -> str | None:
    """Return why no login can be tried, because there is nothing to sign it with. Blocks."""
    if kafka.authentication != AWS_MSK_IAM:
        return None
    try:
        iam_login(kafka).find_keys()
    except NoKeys as missing:
        return f"no AWS credentials for the login: {missing}: {_GIVE_ROLE}"
    return None


_GIVE_ROLE: Final = (
    "give the pod a role (web identity, pod identity), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY"
)


def _load_with_boto(region: str) -> Callable[[], Loaded]:
    from worker.aws.boto_subprocess import BotoSubprocess  # noqa: PLC0415  seldom needed

    return BotoSubprocess(region).load
