"""``check --sample`` counts records, and of those that hold several events these too."""

from __future__ import annotations

from tests.support.builders import record
from tests.support.elements import element
from worker.commands.check.sample import Tally
from worker.core.model.records import FanOut, Interaction, Reason, Skipped, Undecodable


def test_records_and_events_are_counted_apart() -> None:
    tally, whole = Tally(), record(7)
    parts = [element(whole, index, 4) for index in range(4)]
    good = [Interaction(each, "s", "u", b'{"itemId":"i"}') for each in parts[:2]]
    bad = Undecodable(parts[2], Reason("missing", "element 2: item_id: nothing"))
    tally.add(FanOut(whole, (*good, bad, Skipped(parts[3], "bots"))))
    tally.add(Interaction(record(8), "s", None, b"{}"))
    assert (tally.read, tally.mapped, tally.events, tally.with_user, tally.with_item) == (2, 2, 3, 2, 2)
    assert tally.skipped == {"bots": 1}
    assert tally.reasons == {("missing", "item_id: nothing"): 1}
