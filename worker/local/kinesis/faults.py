"""The faults that the stand-in injects: a plan of rules, each for some calls, and when it strikes.

A plan is a value; a new one may be set while calls come in, and is counted from its beginning. Which calls it
strikes follows from their order alone, so that a run is the same each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from worker.local.kinesis.failures import AwsError

if TYPE_CHECKING:
    from worker.local.kinesis.operations import Operation

Deed: TypeAlias = Literal[
    "slow", "reset", "refuse", "throttle", "fail", "expire", "empty", "partial", "lose", "deny", "silence"
]
"""What is done to a call:

    slow       it is answered ``seconds`` later
    reset      the connection is cut, and nothing is done
    refuse     it is answered with ``code``
    throttle   it is answered with ProvisionedThroughputExceededException, or ``code``
    fail       it is answered with a 500, or ``code``
    expire     GetRecords says that the iterator has expired
    empty      GetRecords gives nothing, though there is something, and an iterator to go on with
    partial    PutRecords fails for every second of the records
    lose       it is done, and the connection cut
    deny       it is done, and answered with a 500
    silence    it is done, and never answered
"""


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done to which calls, and to how many of them."""

    does: Deed
    calls: tuple[str, ...] = ()
    """Names of operations, or Kinesis, or DynamoDB; without any, all calls."""
    access_key: str | None = None
    """Only the calls that this key has signed."""
    every: Annotated[int, Meta(ge=1)] = 1
    """Of the calls meant, each so-many-th."""
    skip: Annotated[int, Meta(ge=0)] = 0
    """So many of the calls meant go unharmed first."""
    times: Annotated[int, Meta(ge=0)] | None = None
    """So often at most."""
    from_seconds: Annotated[float, Meta(ge=0)] = 0
    """So long after the plan was set it begins."""
    until_seconds: Annotated[float, Meta(ge=0)] | None = None
    """So long after the plan was set it is over."""
    code: str | None = None
    """The code of the error."""
    seconds: Annotated[float, Meta(ge=0)] = 0
    """By how much a call is slow."""

    def __post_init__(self) -> None:
        """Reject what can't be done.

        Raises:
            ValueError: a refusal without a code.
        """
        if self.does == "refuse" and self.code is None:
            msg = "refuse needs a code"
            raise ValueError(msg)

    def means(self, operation: Operation, access_key: str | None) -> bool:
        """Whether it is for this call."""
        names = {operation.name, operation.service}
        return (not self.calls or not names.isdisjoint(self.calls)) and self.access_key in {None, access_key}


class Faults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan of faults. Without rules, nothing goes wrong."""

    rules: tuple[Rule, ...] = ()


def plan(content: bytes) -> Faults:
    """Read a plan from JSON.

    Raises:
        msgspec.MsgspecError: not JSON, an unknown member, or a value of a wrong type or out of range.
    """
    return msgspec.json.decode(content, type=Faults)


class Fate(Struct, frozen=True):
    """What is done to a call: one thing at most, late or not."""

    rule: Rule | None = None
    after_seconds: float = 0

    def does(self, *deeds: Deed) -> bool:
        """Whether one of these is done."""
        return self.rule is not None and self.rule.does in deeds

    def must_not_fail_before(self, operation: Operation) -> None:
        """Raise the error that a call is answered with instead of being done."""
        if self.rule is not None and self.does("refuse", "throttle", "fail"):
            raise AwsError(self.rule.code or _code(self.rule.does, operation), "By the plan of faults")

    def must_not_fail_after(self, operation: Operation) -> None:
        """Raise the error that a call is answered with after it was done."""
        if self.does("deny"):
            raise AwsError(operation.internal_failure, "By the plan of faults")


def _code(deed: Deed, operation: Operation) -> str:
    if deed == "fail":
        return operation.internal_failure
    return "ProvisionedThroughputExceededException" if operation.is_provisioned else "LimitExceededException"


class Schedule:
    """Decides the fate of calls by a plan, from the moment at which it is set."""

    def __init__(self, faults: Faults, now: float) -> None:
        self._set_at = now
        self._rules = faults.rules
        self._met = [0] * len(faults.rules)
        self._struck = [0] * len(faults.rules)

    def fate(self, operation: Operation, access_key: str | None, now: float) -> Fate:
        """Decide what is done to a call; the first rule counts, beside all that make it slow."""
        deed, seconds = None, 0.0
        since = now - self._set_at
        for place, rule in enumerate(self._rules):
            if not rule.means(operation, access_key) or not self._is_due(place, rule, since):
                continue
            if rule.does == "slow":
                seconds += rule.seconds
            elif deed is None:
                deed = rule
            else:
                continue
            self._struck[place] += 1
        return Fate(deed, seconds)

    def _is_due(self, place: int, rule: Rule, since: float) -> bool:
        if since < rule.from_seconds or (rule.until_seconds is not None and since >= rule.until_seconds):
            return False
        self._met[place] += 1
        number = self._met[place] - rule.skip
        has_more = rule.times is None or self._struck[place] < rule.times
        return has_more and number > 0 and number % rule.every == 0
