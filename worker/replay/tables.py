"""Formats counts as aligned lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Row: TypeAlias = "tuple[str, int | str]"

_MOST_NAME_CHARACTERS = 100


def aligned(rows: Sequence[Row]) -> str:
    """Return one line per row, with the figures aligned."""
    texts = [(name, figure if isinstance(figure, str) else f"{figure:,}") for name, figure in rows]
    names = min(_MOST_NAME_CHARACTERS, max((len(name) for name, _ in texts), default=0))
    figures = max((len(figure) for _, figure in texts), default=0)
    return "".join(f"{name:<{names}}  {figure:>{figures}}".rstrip() + "\n" for name, figure in texts)


def by_reason(counts: Mapping[tuple[str, str], int]) -> Iterator[Row]:
    """Yield the error classes, the most frequent first, each with its rules."""
    for kind in sorted({kind for kind, _ in counts}, key=lambda each: (-_of(counts, each), each)):
        yield f"  {kind}", _of(counts, kind)
        rules = [(rule, count) for (its_kind, rule), count in counts.items() if its_kind == kind and rule]
        for rule, count in sorted(rules, key=lambda each: (-each[1], each[0])):
            yield f"    {rule}", count


def _of(counts: Mapping[tuple[str, str], int], kind: str) -> int:
    return sum(count for (its_kind, _), count in counts.items() if its_kind == kind)
