"""Suggests a mapping for records that it has never seen: pure, from a sample to commented YAML.

``inventory`` lists the places of the sample's documents. ``candidates`` rates each as each field, by its name
(``vocabulary``) and by its values (``plausibility``). ``fan_out`` decides whether a record holds several
events, ``choosing`` picks a place for each field, ``verification`` runs the result over the sample, and
``writing`` makes text of it. ``unused`` lists the other places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from worker.core.mapping.header_text import header_text
from worker.suggest.candidates import find_candidates
from worker.suggest.choosing import Plan, choose
from worker.suggest.inventory import Inventory
from worker.suggest.unused import Unused, unused_places
from worker.suggest.verification import Verdict, verify
from worker.suggest.walking import Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.core.model.records import Record
    from worker.suggest.verification import Compile

__all__ = ["Suggestion", "suggest"]


class Suggestion(Struct, frozen=True):
    """A mapping, and what the sample became with it."""

    plan: Plan
    verdict: Verdict
    unused: tuple[Unused, ...] = ()
    """The places that it does not use, if some of a field has yet to be named."""


def suggest(sample: Sequence[tuple[Record, Mapping[str, object]]], compile_: Compile) -> Suggestion:
    """Suggest a mapping.

    Args:
        sample: records, each with its decoded document.
        compile_: compiles a mapping.
    """
    inventory = Inventory(document for _, document in sample)
    for index, (record, _) in enumerate(sample):
        _add_record_places(inventory, index, record)
    plan = choose(find_candidates(inventory), inventory.documents)
    plan, verdict = verify(plan, [record for record, _ in sample], compile_)
    return Suggestion(plan, verdict, unused_places(plan, inventory) if plan.lacks else ())


def _add_record_places(inventory: Inventory, index: int, record: Record) -> None:
    """Add what stands outside the value: key and headers."""
    if isinstance(key := header_text(record.key), str):
        inventory.add_scalar(Place("$key", ("recordkey",)), index, key)
    for name, raw in dict(record.headers).items():
        if isinstance(text := header_text(raw), str) and name.isprintable():
            inventory.add_scalar(Place(f"$headers.{name}", (name,)), index, text)
