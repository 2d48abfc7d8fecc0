"""A worker with a ``group.instance.id`` that was killed comes back under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.samples import only_long
from tests.support.site import CLIENT

if TYPE_CHECKING:
    from tests.support.site import Site

pytestmark = pytest.mark.kafka


@only_long
@pytest.mark.parametrize("client", [CLIENT, {"group.protocol": "consumer"}], ids=["classic", "kip-848"])
def test_a_killed_static_member_is_resumed_under_its_name(site: Site, client: dict[str, Any]) -> None:
    """The group still has the one that was killed: a container that starts again in its pod is that fast."""
    site.open_topic()
    kafka = {"client": client | {"group.instance.id": "worker-{hostname}"}}
    site.produce(3000)
    victim = site.start_worker("victim", kafka=kafka)
    site.wait_until_accepted(500)
    victim.kill()
    successor = site.start_worker("successor", kafka=kafka)
    site.produce(500, seed=2)
    site.wait_until_committed()
    successor.complain_if_ended()
    site.assert_kept()
