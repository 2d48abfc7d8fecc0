"""The table of PutEvents says what botocore's service model says, as far as that goes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader

from worker.core.operations.put_events import PUT_EVENTS
from worker.core.operations.table import Id, IdList, JsonObject, OperationField, PrintableAscii

SHAPES: dict[str, Any] = Loader().load_service_model("personalize-events", "service-2")["shapes"]
CALL, EVENT = SHAPES["PutEventsRequest"], SHAPES["Event"]
FIELDS = pytest.mark.parametrize("field", PUT_EVENTS.fields, ids=lambda field: field.name)


def shape_of(field: OperationField) -> dict[str, Any]:
    structure = CALL if field.of_call else EVENT
    *outer, last = field.api_name.split(".")
    for name in outer:
        structure = SHAPES[structure["members"][name]["shape"]]
    shape: dict[str, Any] = SHAPES[structure["members"][last]["shape"]]
    return shape


@FIELDS
def test_lengths_are_those_of_the_model(field: OperationField) -> None:
    shape = shape_of(field)
    match field.type:
        case Id(max_characters=most) | JsonObject(max_characters=most) | PrintableAscii(max_characters=most):
            assert shape["max"] == most
        case IdList(max_items=most, item=item):
            assert (shape["max"], SHAPES[shape["member"]["shape"]]["max"]) == (most, item.max_characters)
        case _:
            assert "max" not in shape


@FIELDS
def test_what_the_model_requires_is_required(field: OperationField) -> None:
    required = (CALL if field.of_call else EVENT).get("required", ())
    assert bool(field.required) == (field.api_name in required)


def test_every_member_of_the_model_has_a_field() -> None:
    names = {field.api_name.partition(".")[0] for field in PUT_EVENTS.fields if not field.of_call}
    assert names == EVENT["members"].keys()
    of_call = {field.api_name for field in PUT_EVENTS.fields if field.of_call}
    assert of_call | {"trackingId", "eventList"} == CALL["members"].keys()


def test_a_call_takes_as_many_events_as_the_model_says() -> None:
    events = SHAPES[CALL["members"]["eventList"]["shape"]]
    assert (events["min"], events["max"]) == (1, PUT_EVENTS.max_entries)


def test_order_is_kept_within_something_that_calls_share() -> None:
    """Else one call could overtake another that it must follow."""
    assert PUT_EVENTS.ordered_by in {field.name for field in PUT_EVENTS.fields if field.of_call}
