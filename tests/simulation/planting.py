"""Plants a defect in the real code, and takes it out again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Defect(Struct, frozen=True):
    """One method, or function of a module, replaced by a wrong one, which is made from the right one."""

    name: str
    of: object
    method: str
    wrong: Callable[[Callable[..., Any]], Any]


DEFECTS: dict[str, Defect] = {}


def defect(
    of: object, method: str, among: dict[str, Defect] = DEFECTS
) -> Callable[[Callable[[Callable[..., Any]], Any]], object]:
    """Register what makes a wrong method from the right one, under its own name."""

    def register(wrong: Callable[[Callable[..., Any]], Any]) -> object:
        name = wrong.__name__.replace("_", " ")
        among[name] = Defect(name, of, method, wrong)
        return wrong

    return register


@contextmanager
def planted(name: str | None, among: dict[str, Defect] = DEFECTS) -> Iterator[None]:
    """Have the defect of that name; none: the worker as it is."""
    if name is None:
        yield
        return
    one = among[name]
    right = getattr(one.of, one.method)
    setattr(one.of, one.method, one.wrong(right))
    try:
        yield
    finally:
        setattr(one.of, one.method, right)
