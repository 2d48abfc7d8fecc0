"""Decodes a record's value as a whole, in whatever format it is, to show it or to look for fields in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.config.record_format import format_options
from worker.formats.protocol import FormatError
from worker.formats.whole import compile_decode_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from worker.commands.try_.schema_fetching import SchemaFetching
    from worker.core.model.records import Record
    from worker.formats.protocol import NeedsSchema
    from worker.settings import RecordSettings

    Document: TypeAlias = dict[str, object] | str | None
    """The decoded object; or why it can't be decoded; None for a tombstone."""


def document_decoder(settings: RecordSettings, fetching: SchemaFetching) -> Callable[[Record], Document]:
    """Return the function that decodes records of the configured format.

    It raises nothing but CannotRead, if a schema can't be had.
    """
    decode_whole = compile_decode_whole(settings.format, format_options(settings, fetching.schemas))

    def decode(record: Record) -> Document | NeedsSchema:
        if record.value is None:
            return None
        try:
            return decode_whole(record.value, dict(record.headers))
        except FormatError as fault:
            return fault.text
        except RecursionError:
            return "it is nested too deeply to be shown"

    return fetching.answered(decode)
