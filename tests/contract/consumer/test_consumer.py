"""A consumer does what is stated, whichever it is: where they differ the simulation is wrong."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.consumer import trying
from tests.contract.consumer.statements import STATEMENTS, SUBJECTS
from tests.support.kafka_topics import NoKafka
from tests.support.samples import sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.contract.consumer.stand import Protocol
    from tests.contract.consumer.statements import Subject
    from tests.contract.consumer.trying import Outcomes

TRY = {
    "simulated": trying.on_simulation,
    "mock": trying.on_mock,
    "brokers": trying.on_brokers,
}
MARKS = {"brokers": [pytest.mark.kafka, pytest.mark.long]}


def trials() -> Iterator[object]:
    """Every pairing that there can be; the others stand in the statements, with their reasons.

    Real brokers try what the mock cluster can't, and in the large sample everything: elections are long.
    """
    for statement in STATEMENTS.values():
        for subject in (each for each in SUBJECTS if each not in statement.excluded):
            is_left_out = "mock" not in statement.excluded or "cut" in statement.name
            if subject == "brokers" and sample(is_left_out, long=False):
                continue
            for protocol in statement.protocols:
                yield pytest.param(
                    subject,
                    statement.name,
                    protocol,
                    marks=MARKS.get(subject, ()),
                    id=f"{subject}-{protocol}-{statement.name}",
                )


@pytest.fixture(scope="session")
def outcomes_of(request: pytest.FixtureRequest) -> Callable[[Subject], Outcomes]:
    """Of every trial of a subject that is to be run: all are tried at once, when the first is asked for."""

    @cache
    def of(subject: Subject) -> Outcomes:
        chosen: list[Any] = [
            (each.callspec.params["name"], each.callspec.params["protocol"])
            for each in request.session.items
            if isinstance(each, pytest.Function)
            and each.function is test_a_consumer_does_what_is_stated
            and each.callspec.params["subject"] == subject
        ]
        return TRY[subject](chosen)

    return of


@pytest.mark.parametrize(("subject", "name", "protocol"), list(trials()))
def test_a_consumer_does_what_is_stated(
    outcomes_of: Callable[[Subject], Outcomes], subject: Subject, name: str, protocol: Protocol
) -> None:
    try:
        outcome = outcomes_of(subject)[name, protocol]
    except NoKafka as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    assert outcome is None, outcome


def test_no_statement_is_left_out_of_all_that_is_real() -> None:
    real: set[Subject] = {"mock", "brokers"}
    assert all(real - set(each.excluded) for each in STATEMENTS.values())
