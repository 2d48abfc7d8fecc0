"""A consumer does what is stated, whichever it is: where they differ the simulation is wrong."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.contract.consumer import trying
from tests.contract.consumer.statements import STATEMENTS, SUBJECTS
from tests.support.kafka_topics import NoKafka

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.consumer.stand import Protocol
    from tests.contract.consumer.statements import Subject
    from tests.contract.consumer.trying import Outcomes

TRY = {"simulated": trying.on_simulation, "mock": trying.on_mock, "brokers": trying.on_brokers}
MARKS = {"brokers": [pytest.mark.kafka]}


def trials() -> Iterator[object]:
    for statement in STATEMENTS.values():
        for subject in SUBJECTS:
            for protocol in statement.protocols:
                marks = list(MARKS.get(subject, ()))
                if (why := statement.excluded.get(subject)) is not None:
                    marks.append(pytest.mark.skip(reason=f"{subject}: {why}"))
                yield pytest.param(
                    subject,
                    statement.name,
                    protocol,
                    marks=marks,
                    id=f"{subject}-{protocol}-{statement.name}",
                )


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest) -> Outcomes:
    """Of every trial of one subject that is to be run."""
    subject = request.param
    chosen = [
        (each.callspec.params["name"], each.callspec.params["protocol"])
        for each in request.session.items
        if each.function is test_a_consumer_does_what_is_stated
        and each.callspec.params["outcomes"] == subject
        and each.get_closest_marker("skip") is None
    ]
    try:
        return TRY[subject](chosen)
    except NoKafka as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.mark.parametrize(("outcomes", "name", "protocol"), list(trials()), indirect=["outcomes"])
def test_a_consumer_does_what_is_stated(outcomes: Outcomes, name: str, protocol: Protocol) -> None:
    outcome = outcomes[name, protocol]
    assert outcome is None, outcome


def test_no_statement_is_left_out_of_all_that_is_real() -> None:
    real: set[Subject] = {"mock", "brokers"}
    assert all(real - set(each.excluded) for each in STATEMENTS.values())
