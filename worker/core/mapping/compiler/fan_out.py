"""Compiles the outcomes of a record that holds several events: one for each element.

The elements are counted before the first outcome is made, because each outcome says how many there are. What
all elements share is looked up and cast once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from worker.core.mapping import faults
from worker.core.mapping.compiler.layout import INDEX
from worker.core.mapping.compiler.modifiers import numbered
from worker.core.mapping.entries import compile_interaction, within_structure
from worker.core.mapping.event_ids import derived_element_id, replayed_element
from worker.core.mapping.faults import STATES, outcome_of
from worker.core.model.records import Element, FanOut, Interaction, Reason, Skipped, Undecodable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.mapping.casts import Cast
    from worker.core.mapping.compiler.elements import Elements
    from worker.core.model.records import MappedOne, Record
    from worker.core.operations.table import Operation
    from worker.formats.protocol import Document

    ToOutcome: TypeAlias = Callable[[Record, Document], MappedOne | FanOut]


class _Several(NamedTuple):
    """How the events of one record are made."""

    elements: Elements
    share: Callable[[Document, Record], list[Any]]
    """The values that all elements share, cast."""
    to_interaction: Callable[[Record, Sequence[Any]], Interaction]


def compile_fan_out(operation: Operation, elements: Elements, casts: Mapping[str, Cast]) -> ToOutcome:
    """Compile the function from a record and its document to the outcome.

    It raises one of ``faults.STATES`` where that is the state of all elements, and UnicodeError and
    RecursionError as ``compile_interaction`` says.
    """
    to_interaction = compile_interaction(
        operation, casts, cast_before=elements.shared, derived_id=derived_element_id
    )
    several = _Several(elements, _compile_share(operation, elements, casts), to_interaction)
    size, outcomes_of = elements.size, _compile_outcomes(several)

    def fan_out(record: Record, document: Document) -> MappedOne | FanOut:
        of = size(document, record, elements.opened)
        wanted = replayed_element(record) if record.headers else None
        if wanted is not None and wanted >= of:
            reason = f"element {wanted}: nothing there; the record has {of} by the mapping of today"
            return Undecodable(record, Reason(faults.MISSING, reason))
        outcomes = outcomes_of(record, document, of, wanted)
        if len(outcomes) == 1:
            return outcomes[0]
        return _together(record, tuple(outcomes))

    return fan_out


def _compile_share(
    operation: Operation, elements: Elements, casts: Mapping[str, Cast]
) -> Callable[[Document, Record], list[Any]]:
    opened, look_up = elements.opened, elements.look_up
    shared = [
        (place, within_structure(field, casts[field.name]), bool(field.required))
        for place, field in enumerate(operation.fields)
        if field.name in elements.shared
    ]

    def share(document: Document, record: Record) -> list[Any]:
        values = look_up(document, record, opened)
        for place, cast, required in shared:
            value = values[place]
            if value is not None or required:
                values[place] = cast(value)
        return values

    return share


def _compile_outcomes(
    several: _Several,
) -> Callable[[Record, Document, int, int | None], list[MappedOne]]:
    """Compile the function to the outcomes of all ``of`` elements, or of the one that is ``wanted``."""
    (opened, _, __, visit, slot, left_out_by, *_), share, ___ = several
    outcome_of_element = _compile_outcome_of_element(several)

    def outcomes_of(record: Record, document: Document, of: int, wanted: int | None) -> list[MappedOne]:
        outcomes: list[MappedOne] = []
        shared: list[Any] | None = None
        alone = of == 1 or wanted is not None
        for index, current in enumerate(visit(document, record, opened)):
            if wanted is not None and wanted != index:
                continue
            setattr(document, slot, current)
            setattr(document, INDEX, index)
            element = record if alone else _element(record, index, of)
            rule = None if left_out_by is None else left_out_by(document, record, opened)
            if rule is not None:
                outcomes.append(Skipped(element, rule))
                continue
            if shared is None:
                # Not before an element needs it: if all are left out, nothing else of the record matters.
                shared = share(document, record)
            outcomes.append(outcome_of_element(element, document, shared, None if of == 1 else index))
        return outcomes

    return outcomes_of


def _compile_outcome_of_element(
    several: _Several,
) -> Callable[[Record, Document, list[Any], int | None], MappedOne]:
    (opened, *_, fill, __, shared_id), ___, to_interaction = several

    def outcome_of_element(
        record: Record, document: Document, shared: list[Any], index: int | None
    ) -> MappedOne:
        values = shared.copy()
        if index and shared_id is not None:
            place, nothing = shared_id
            value = values[place]
            values[place] = (
                f"{value}-{index}"
                if type(value) is str and value not in nothing
                else numbered(value, index, nothing)
            )
        try:
            fill(values, document, record, opened)
            return to_interaction(record, values)
        except STATES as state:
            outcome = outcome_of(record, state)
        if index is None or isinstance(outcome, Skipped):
            return outcome
        reason = outcome.reason
        return Undecodable(record, Reason(reason.kind, f"element {index}: {reason.text}"))

    return outcome_of_element


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


def _together(record: Record, outcomes: tuple[MappedOne, ...]) -> MappedOne | FanOut:
    """All outcomes; one for the whole record if no event comes of it and something is wrong."""
    for each in outcomes:
        if type(each) is Interaction:
            return FanOut(record, outcomes)
    bad = [each for each in outcomes if isinstance(each, Undecodable)]
    if not bad:
        return FanOut(record, outcomes)
    reason, more = bad[0].reason, len(bad) - 1
    text = f"{reason.text}; and {more} more cannot be mapped" if more else reason.text
    return Undecodable(record, Reason(reason.kind, text))
