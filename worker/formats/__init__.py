"""The formats of records: bytes in, a document out. Pure: no I/O, no clock, no knowledge of the worker.

A format consists of three things: a package or module here that compiles its decoder, by the contract in
``formats.protocol``; its name in ``FORMATS``; and the same name among the values of ``record.format``
(``worker.settings``). The mapping selects from documents and does not change for a format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.formats.json.decoder import compile_json_decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.formats.delimited import Encoding
    from worker.formats.protocol import Format, NeedsSchema
    from worker.formats.schemas import Schemas

# What the formats that need it have to be installed with.
EXTRA: Final = "pip install 'personalize-worker[schemas]'"


class FormatOptions(Struct, frozen=True):
    """What a format may need to know besides the record."""

    schemas: Schemas
    """Those of a registry, which the formats with a frame read."""
    schema: bytes | None = None
    """The content of ``record.schema_file``: the schema of all records, which then have no frame."""
    message: str | None = None
    """The full name of the message in it, for Protobuf."""
    columns: tuple[str, ...] = ()
    """The names of the cells of a line."""
    delimiter: str = ","
    """What stands between the cells of a CSV."""
    quote: str | None = '"'
    """What stands around the cells of a CSV; None: nothing does."""
    encoding: Encoding = "utf-8"
    """Of a CSV or TSV."""


class MissingLibraryError(ImportError):
    """A format needs a library that is not installed; the message says how to install it."""

    def __init__(self, format_name: str, library: str) -> None:
        super().__init__(f"{format_name} needs {library}, which is not installed: {EXTRA}")


# Each imports its format: a worker has one of them, and loads no other.


def _framed_json(_: FormatOptions) -> Format[NeedsSchema]:
    from worker.formats.json.framed import compile_framed_json_decoder  # noqa: PLC0415  as said

    return compile_framed_json_decoder


def _avro(options: FormatOptions) -> Format[NeedsSchema]:
    from worker.formats.avro.reader import plain_avro, registry_avro  # noqa: PLC0415  as said

    if options.schema is None:
        return registry_avro(options.schemas)
    return plain_avro(options.schema.decode())


def _protobuf(options: FormatOptions) -> Format[NeedsSchema]:
    try:
        from worker.formats.protobuf.reader import plain_protobuf, registry_protobuf  # noqa: PLC0415  of an extra
    except ImportError:
        raise MissingLibraryError("protobuf", "protobuf") from None  # noqa: EM101  a name

    if options.schema is None:
        return registry_protobuf(options.schemas)
    return plain_protobuf(options.schema, options.message or "")


def _messagepack(_: FormatOptions) -> Format[NeedsSchema]:
    from worker.formats.messagepack import compile_messagepack_decoder  # noqa: PLC0415  as said

    return compile_messagepack_decoder


def _csv(options: FormatOptions) -> Format[NeedsSchema]:
    from worker.formats.delimited import csv_format  # noqa: PLC0415  as said

    return csv_format(options.columns, options.delimiter, options.quote, options.encoding)


def _tsv(options: FormatOptions) -> Format[NeedsSchema]:
    from worker.formats.delimited import tsv_format  # noqa: PLC0415  as said

    return tsv_format(options.columns, options.encoding)


FORMATS: Final[Mapping[str, Callable[[FormatOptions], Format[NeedsSchema]]]] = {
    "json": lambda _: compile_json_decoder,
    "json_schema": _framed_json,
    "avro": _avro,
    "protobuf": _protobuf,
    "msgpack": _messagepack,
    "csv": _csv,
    "tsv": _tsv,
}
"""What makes each format, by the values of ``record.format``.

It raises MissingLibraryError, or SchemaError for a file that is not the schema of the format.
"""

WITH_REGISTRY: Final = frozenset({"avro", "protobuf"})
"""The formats whose records name their schema by an id, unless a file has it."""
WITH_COLUMNS: Final = frozenset({"csv", "tsv"})
"""The formats whose records are lines of cells."""
