"""Every event of every sample is accepted by the strict local endpoint, over HTTP."""

from __future__ import annotations

import json

from tests.presets.cases import mapping_of, outcomes_of, samples
from worker.aws.access import AwsAccess
from worker.aws.provider_chain import Loaded
from worker.aws.signing import Keys
from worker.core.model.outcomes import Accepted
from worker.core.model.records import Batch, Interaction
from worker.delivery.put_events import ClientSettings, PutEventsClient
from worker.local.faults import Faults
from worker.local.put_events import LocalPutEvents


async def test_the_endpoint_accepts_every_event_of_every_sample() -> None:
    sent = []
    async with LocalPutEvents(Faults(any_keys=True)) as endpoint:
        settings = ClientSettings("t", "eu-west-1", endpoint.url)
        load = Loaded("here", lambda: Keys("AKID", "secret"))
        client = PutEventsClient(settings, AwsAccess(settings.wanted, load=lambda: load))
        await client.open()
        try:
            for sample in samples():
                for each in outcomes_of(mapping_of(sample.preset)(sample.record())):
                    if isinstance(each, Interaction):
                        batch = Batch(each.session_id, each.user_id, (each,))
                        assert await client.put(batch) == Accepted(), sample
                        sent.append(json.loads(each.event)["eventId"])
        finally:
            await client.close()
        assert [each for call in endpoint.call_log.accepted() for each in call.event_ids] == sent
    assert len(sent) > len(samples()) / 2
