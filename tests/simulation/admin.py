"""What the brokers answer when they are asked beside the polling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.member import CURRENT
from worker.sources.kafka.admin import Answers
from worker.sources.kafka.topics import TopicAnswer

if TYPE_CHECKING:
    from worker.sources.kafka.admin import Wanted


class SimulatedAdmin:
    """Of whichever worker asks."""

    def __init__(self, *_: object) -> None:
        """It knows the brokers by who asks."""

    def renew(self, _: object) -> None:
        """Whoever asks is known as before."""

    def answer(self, wanted: Wanted) -> Answers:
        """Nothing while nobody answers."""
        member = CURRENT.get()
        if member is None or member.is_dead or member.world.kafka == "no metadata":
            return Answers()
        partitions = member.world.partitions
        places = {key: partitions[key[1]] for key in wanted.places}
        return Answers(
            begins={key: each.first_offset for key, each in places.items()},
            ends={key: each.next_offset for key, each in places.items()},
            topics=TopicAnswer(len(partitions)) if wanted.topics else None,
            readable=wanted.access,
        )
