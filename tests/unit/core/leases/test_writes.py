from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.core.leases.test_lease import CHECKPOINTS
from worker.core.leases.lease import At, Checkpoint, Lease, Sentinel, is_ahead
from worker.core.leases.writes import (
    AnswerLost,
    Asked,
    Lost,
    asked_for,
    finished,
    meaning_of_refusal,
    released,
    renewed,
    taken,
)

LEASE = Lease(key="s", owner="a", counter=3, checkpoint=At(1), owner_switches=2)


@given(before=CHECKPOINTS, carried=st.none() | CHECKPOINTS)
def test_no_write_of_an_owner_takes_a_checkpoint_back(before: Checkpoint, carried: Checkpoint | None) -> None:
    lease = replace(LEASE, checkpoint=before)
    for after in (renewed(lease, carried), released(lease, carried), finished(lease, ())):
        assert not is_ahead(before, after.checkpoint)


@given(checkpoint=CHECKPOINTS)
def test_every_write_but_the_request_increments_the_counter(checkpoint: Checkpoint) -> None:
    for after in (
        renewed(LEASE, checkpoint),
        released(LEASE, checkpoint),
        finished(LEASE, ()),
        taken(LEASE, "b"),
    ):
        assert after.counter == LEASE.counter + 1
    assert asked_for(LEASE, "b").counter == LEASE.counter


def test_a_renewal_leaves_everything_else() -> None:
    assert renewed(LEASE) == replace(LEASE, counter=4)


def test_a_checkpoint_begins_to_count_the_owners_anew() -> None:
    assert renewed(LEASE, At(2)).owner_switches == 0
    assert renewed(LEASE, At(1)).owner_switches == 2


def test_taking_counts_an_owner_unless_it_is_the_same() -> None:
    assert taken(LEASE, "b") == replace(LEASE, owner="b", counter=4, owner_switches=3)
    assert taken(LEASE, "a").owner_switches == 2
    assert taken(replace(LEASE, owner=None), "b").owner_switches == 2
    assert taken(asked_for(LEASE, "b"), "b") == replace(LEASE, owner="b", counter=4, owner_switches=3)


def test_giving_up_leaves_it_to_who_asked_or_to_nobody() -> None:
    assert released(LEASE, At(5)).owner is None
    handed = released(asked_for(LEASE, "b"), At(5))
    assert (handed.owner, handed.checkpoint_owner, handed.checkpoint) == ("b", None, At(5))


def test_a_finished_shard_names_what_it_became() -> None:
    done = finished(LEASE, {"t", "u"})
    assert done.checkpoint is Sentinel.SHARD_END
    assert done.children == {"t", "u"}
    assert done.owner == "a"


def test_its_own_write_is_not_taken_for_a_theft() -> None:
    tried = renewed(LEASE, At(7))
    assert meaning_of_refusal("a", LEASE, [tried], tried) == AnswerLost(tried)


def test_of_several_tries_any_may_be_in_the_table() -> None:
    first, second = renewed(LEASE, At(7)), renewed(LEASE, At(9))
    assert meaning_of_refusal("a", LEASE, [first, second], first) == AnswerLost(first)


def test_its_own_write_is_known_though_another_asked_since() -> None:
    tried = renewed(LEASE, At(7))
    found = asked_for(tried, "b")
    assert meaning_of_refusal("a", LEASE, [tried], found) == AnswerLost(found)


def test_a_request_is_no_theft() -> None:
    found = asked_for(LEASE, "b")
    assert meaning_of_refusal("a", LEASE, [renewed(LEASE)], found) == Asked(found)


def test_whatever_another_wrote_is_a_loss() -> None:
    tried = renewed(LEASE, At(7))
    stolen = taken(LEASE, "b")
    assert meaning_of_refusal("a", LEASE, [tried], stolen) == Lost(stolen)
    assert meaning_of_refusal("a", LEASE, [tried], None) == Lost(None)
    # One that does not know of hand-overs steals it during one, and leaves the field that it does not know.
    asked = asked_for(LEASE, "b")
    plain = replace(asked, owner="kcl", counter=4)
    assert meaning_of_refusal("a", asked, [renewed(asked)], plain) == Lost(plain)


@given(
    owner=st.sampled_from(["a", "b", None]),
    counter=st.integers(2, 6),
    checkpoint=CHECKPOINTS,
    checkpoint_owner=st.sampled_from(["a", "b", None]),
    tried=st.lists(CHECKPOINTS, max_size=3),
)
def test_it_never_goes_on_from_a_row_in_which_another_may_write(
    owner: str | None,
    counter: int,
    checkpoint: Checkpoint,
    checkpoint_owner: str | None,
    tried: list[Checkpoint],
) -> None:
    found = Lease(
        key="s", owner=owner, counter=counter, checkpoint=checkpoint, checkpoint_owner=checkpoint_owner
    )
    attempts = [renewed(LEASE, each) for each in tried]
    meaning = meaning_of_refusal("a", LEASE, attempts, found)
    if not isinstance(meaning, Lost):
        assert (found.checkpoint_owner or found.owner) == "a"
        assert found.checkpoint in {LEASE.checkpoint, *(each.checkpoint for each in attempts)}
