"""However a sample is damaged, a preset does not raise, and makes no event that the API refuses."""

from __future__ import annotations

import json
from random import Random

import pytest

from tests.presets import fuzz
from tests.presets.cases import samples_of
from tests.support.builders import record
from worker.config.presets import preset_names
from worker.core.model.records import Interaction

COUNT = 2_000


@pytest.mark.parametrize("preset", preset_names())
def test_damaged_samples_break_no_rule(preset: str) -> None:
    kinds = fuzz.run(preset, range(COUNT), seed=0)
    assert kinds["event"] > COUNT / 20, kinds
    assert kinds.total() - kinds["event"] > COUNT / 20, kinds


def test_a_case_is_made_again_by_its_number() -> None:
    sample = samples_of("segment")[0]
    one, other = (fuzz.damaged(sample, Random("7")) for _ in range(2))  # noqa: S311  as in fuzz
    assert (one.value, one.headers, one.timestamp_ms) == (other.value, other.headers, other.timestamp_ms)


def test_the_check_sees_an_event_that_the_api_refuses_and_what_raises() -> None:
    """A check that cannot fail is worth nothing."""
    bad = json.dumps({"eventType": "v", "sentAt": 1_700_000_000_000_000, "eventId": "e"}).encode()
    with pytest.raises(AssertionError, match="between the years"):
        list(fuzz.check(lambda given: Interaction(given, "s", None, bad), record()))
    with pytest.raises(ZeroDivisionError):
        list(fuzz.check(lambda _: 1 // 0, record()))
