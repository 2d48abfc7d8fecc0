"""While a registry gives no answers, the partitions that need none of it go on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.simulation.broker import Partition
    from tests.simulation.world import World

_LOOK_SECONDS: Final = 0.5


async def others_flow(world: World) -> None:
    """Wait until all is done with but what needs a schema that its worker has not got."""
    patience = world.patience()
    while held_up := [each for each in world.partitions if _is_held_up(each)]:
        world.have_a_member()
        await asyncio.sleep(_LOOK_SECONDS)
        if patience.is_over(world.loop.time(), world.what_moves()):
            how = f"partition {held_up[0].number} stands while another waits for its schema"
            world.breach("a partition that waits for its schema holds up no other", how)
    if any(each.is_member() and each.worker.parking.records for each in world.members.values()):
        world.saw("all else done with while a partition waits for its schema")


def _is_held_up(partition: Partition) -> bool:
    owner = partition.owner
    if owner is None or not owner.is_member() or owner.is_stopping or partition.is_done():
        return False
    worker = owner.worker
    # Memory that is full of what waits, and what holds everything, are told as such.
    is_told = worker.unsettled.memory.is_full() or worker.permits.breaker.holds or worker.quarantine.holds()
    schemas = partition.schemas_to_come() | owner.oracle.held.schemas(partition.number)
    return not is_told and schemas <= owner.registry.told
