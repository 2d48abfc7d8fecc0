"""What the API does in a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.twins import events
from worker.core.model.outcomes import Accepted, Refused, TransientFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch


def failing(prefix: str) -> Callable[[Batch], Answer]:
    """Answer these sessions with a fault, for ever."""
    return lambda batch: TransientFault("500") if batch.session_id.startswith(prefix) else Accepted()


def refuse(*bad: str) -> Callable[[Batch], Answer]:
    """Refuse every call that holds one of these events."""
    return lambda batch: Refused("InvalidInputException") if set(events(batch)) & set(bad) else Accepted()
