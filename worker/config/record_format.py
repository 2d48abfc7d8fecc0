"""Builds the format of records that is configured, and finds what is wrong with its keys and its file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from worker.formats import FORMATS, WITH_COLUMNS, WITH_REGISTRY, FormatOptions, MissingLibraryError
from worker.formats.schemas import SchemaError, Schemas
from worker.settings import RecordSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.formats.protocol import Format, NeedsSchema

# Nobody's schema is larger; a path that leads to a disk's image is a mistake.
_MOST_BYTES: Final = 16 * 1024 * 1024


def build_format(record: RecordSettings, schemas: Schemas) -> Format[NeedsSchema]:
    """Return the format, with the schema of its file if it has one.

    Args:
        record: the section, whose keys were checked by ``format_mistakes``.
        schemas: those of the registry, which the decoder looks at for each id that is new to it.

    Raises:
        OSError: the file can't be read any more.
        SchemaError: the file is not the schema of the format.
        MissingLibraryError: the format's library is not installed.
    """
    return FORMATS[record.format](format_options(record, schemas))


def format_options(record: RecordSettings, schemas: Schemas) -> FormatOptions:
    """Return what the format has to know, with the schema of its file if it has one.

    Raises:
        OSError: the file can't be read any more.
        SchemaError: the file is not the schema of the format.
    """
    file = None if record.schema_file is None else _read(record.schema_file)
    return FormatOptions(
        schemas=schemas,
        schema=file,
        message=record.message,
        columns=record.columns,
        delimiter=record.delimiter,
        quote=record.quote,
        encoding=record.encoding,
    )


def format_mistakes(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the format's keys, by key; ``values`` has the valid ones that were given."""
    record = RecordSettings(**{key: values[key] for key in _KEYS if key in values})
    broken = dict(_broken_rules(record))
    yield from broken.items()
    if broken:
        return
    try:
        build_format(record, Schemas())
    except MissingLibraryError as error:
        yield "record.format", str(error)
    except (SchemaError, UnicodeError) as error:
        text = "it is not text" if isinstance(error, UnicodeError) else str(error)
        yield "record.message" if "no message" in text else "record.schema_file", f"can't be used: {text}"
    except OSError as error:
        reason = f"can't be read: {error.strerror or type(error).__name__}"
        is_relative = record.schema_file is not None and not Path(record.schema_file).is_absolute()
        # Not in the folder of the configuration, as its author may think.
        at = f"; it was looked for from this folder on: {Path.cwd()}" if is_relative else ""
        yield "record.schema_file", reason + at


_KEYS: Final = ("format", "schema_file", "message", "columns", "delimiter", "quote", "encoding")


def _broken_rules(record: RecordSettings) -> Iterator[tuple[str, str]]:
    """The rules between the keys."""
    name = record.format
    if record.schema_file is not None and name not in WITH_REGISTRY:
        yield "record.schema_file", f"is for record.format avro or protobuf; {name} needs no schema"
    if record.message is not None and (name != "protobuf" or record.schema_file is None):
        yield (
            "record.message",
            "names the message in a schema_file of protobuf; a registry needs no name",
        )
    if name == "protobuf" and record.schema_file is not None and record.message is None:
        yield "record.message", "is missing: which message of schema_file the records are, such as shop.Event"
    if record.columns and name not in WITH_COLUMNS:
        yield "record.columns", f"are for record.format csv or tsv; {name} names its fields itself"
    if not record.columns and name in WITH_COLUMNS:
        yield "record.columns", f"are missing: the names of the cells of a line of {name}, in their order"
    for index, column in enumerate(record.columns):
        if column in record.columns[:index]:
            yield f"record.columns[{index}]", "is named twice"
    yield from _broken_rules_of_lines(record)


def _broken_rules_of_lines(record: RecordSettings) -> Iterator[tuple[str, str]]:
    name, plain = record.format, RecordSettings()
    if record.delimiter != plain.delimiter and name != "csv":
        yield "record.delimiter", f"is for record.format csv, not for {name}"
    if record.quote != plain.quote and name != "csv":
        yield "record.quote", f"is for record.format csv, not for {name}"
    if record.quote == record.delimiter:
        yield "record.quote", "is what record.delimiter is, too"
    if record.encoding != plain.encoding and name not in WITH_COLUMNS:
        yield "record.encoding", f"is for record.format csv or tsv; {name} is no text, or UTF-8"


def _read(path: str) -> bytes:
    with Path(path).open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        msg = f"it is larger than {_MOST_BYTES // 1024 // 1024} MiB"
        raise SchemaError(msg)
    return content
