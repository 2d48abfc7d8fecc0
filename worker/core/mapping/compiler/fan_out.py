"""Compiles the outcomes of a record that holds several events: one for each element.

All elements are read before the first outcome is made, because each outcome says how many there are. What all
share is cast once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from worker.core.mapping import faults
from worker.core.mapping.compiler.elements import MAX_ELEMENTS, too_many
from worker.core.mapping.compiler.layout import INDEX
from worker.core.mapping.entries import compile_interaction, within_structure
from worker.core.mapping.event_ids import derived_element_id, replayed_element
from worker.core.mapping.faults import STATES, LeftOut, outcome_of
from worker.core.model.records import Element, FanOut, Interaction, Reason, Skipped, Undecodable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.mapping.casts import Cast
    from worker.core.mapping.compiler.elements import Elements
    from worker.core.model.records import Record
    from worker.core.operations.table import Operation
    from worker.formats.protocol import Document

    MappedOne: TypeAlias = Interaction | Undecodable | Skipped
    Draft: TypeAlias = list[Any] | Exception
    """The values of an element, or the state that ended its mapping."""
    ToInteraction: TypeAlias = Callable[[Record, Sequence[Any]], Interaction]


def compile_fan_out(
    operation: Operation, elements: Elements, casts: Mapping[str, Cast]
) -> Callable[[Record, Document], MappedOne | FanOut]:
    """Compile the function from a record and its document to the outcome.

    It raises one of ``faults.STATES`` where that is the state of all elements, and UnicodeError and
    RecursionError as ``compile_interaction`` says.
    """
    to_interaction = compile_interaction(
        operation, casts, cast_before=elements.shared, derived_id=derived_element_id
    )
    draft_all = _compile_drafts(elements, _compile_cast_shared(operation, elements, casts))

    def fan_out(record: Record, document: Document) -> MappedOne | FanOut:
        drafts = draft_all(record, document)
        if record.headers:
            index = replayed_element(record)
            if index is not None:
                return _again(record, drafts, index, to_interaction)
        if len(drafts) == 1:
            return _finish(record, drafts[0], to_interaction)
        return _together(
            record,
            tuple(
                _finish_element(_element(record, index, len(drafts)), index, draft, to_interaction)
                for index, draft in enumerate(drafts)
            ),
        )

    return fan_out


def _compile_cast_shared(
    operation: Operation, elements: Elements, casts: Mapping[str, Cast]
) -> Callable[[list[Any]], None]:
    shared = [
        (place, within_structure(field, casts[field.name]), bool(field.required))
        for place, field in enumerate(operation.fields)
        if field.name in elements.shared
    ]

    def cast_shared(values: list[Any]) -> None:
        for place, cast, required in shared:
            value = values[place]
            if value is not None or required:
                values[place] = cast(value)

    return cast_shared


def _compile_drafts(
    elements: Elements, cast_shared: Callable[[list[Any]], None]
) -> Callable[[Record, Document], list[Draft]]:
    opened, look_up, visit, left_out_by, fill, _ = elements

    def draft(record: Record, document: Document, shared: list[Any]) -> Draft:
        """Read the current element."""
        if not shared:
            # Not before an element needs it: if all are left out, nothing else of the record matters.
            shared += look_up(document, record, opened)
            cast_shared(shared)
        values = shared.copy()
        try:
            fill(values, document, record, opened)
        except STATES as state:
            return state
        return values

    def draft_all(record: Record, document: Document) -> list[Draft]:
        drafts: list[Draft] = []
        shared: list[Any] = []
        for _ in visit(document, record, opened):
            if len(drafts) == MAX_ELEMENTS:
                raise too_many()
            setattr(document, INDEX, len(drafts))
            rule = None if left_out_by is None else left_out_by(document, record, opened)
            drafts.append(draft(record, document, shared) if rule is None else LeftOut(rule))
        return drafts

    return draft_all


def _element(record: Record, index: int, of: int) -> Element:
    return Element(
        record.assignment,
        record.offset,
        record.timestamp_ms,
        record.key,
        record.value,
        record.headers,
        record.received_at,
        index=index,
        of=of,
    )


def _finish(record: Record, draft: Draft, to_interaction: ToInteraction) -> MappedOne:
    if isinstance(draft, Exception):
        return outcome_of(record, draft)
    try:
        return to_interaction(record, draft)
    except STATES as state:
        return outcome_of(record, state)


def _finish_element(record: Record, index: int, draft: Draft, to_interaction: ToInteraction) -> MappedOne:
    """The outcome of one of several elements; the reason against it says which."""
    outcome = _finish(record, draft, to_interaction)
    if isinstance(outcome, Undecodable):
        reason = outcome.reason
        return Undecodable(record, Reason(reason.kind, f"element {index}: {reason.text}"))
    return outcome


def _again(record: Record, drafts: Sequence[Draft], index: int, to_interaction: ToInteraction) -> MappedOne:
    """The outcome of the one element that a dead letter stands for."""
    if index >= len(drafts):
        reason = f"element {index}: nothing there; the record has {len(drafts)} by the mapping of today"
        return Undecodable(record, Reason(faults.MISSING, reason))
    if len(drafts) == 1:
        return _finish(record, drafts[0], to_interaction)
    return _finish_element(record, index, drafts[index], to_interaction)


def _together(record: Record, outcomes: tuple[MappedOne, ...]) -> MappedOne | FanOut:
    """All outcomes; one for the whole record if no event comes of it and something is wrong."""
    bad = [each for each in outcomes if isinstance(each, Undecodable)]
    if not bad or any(isinstance(each, Interaction) for each in outcomes):
        return FanOut(record, outcomes)
    reason, more = bad[0].reason, len(bad) - 1
    return Undecodable(
        record, Reason(reason.kind, f"{reason.text}; and {more} more like it" if more else reason.text)
    )
