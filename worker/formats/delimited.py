"""CSV and TSV: a line a record, its cells named by ``record.columns``.

A cell is text, and empty is absent. What a field needs is cast from text as everywhere: numbers, times, JSON.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from worker.formats.protocol import MALFORMED, Decoder, FormatError
from worker.formats.signatures import describe_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Never

    from worker.formats.protocol import Document, DocumentType, Format

Encoding: TypeAlias = Literal["utf-8", "utf-16", "iso-8859-1", "windows-1252"]

# A byte order mark, which some producers write before each line, is no part of the first cell.
_CODECS: Final[dict[Encoding, str]] = {
    "utf-8": "utf-8-sig",
    "utf-16": "utf-16",
    "iso-8859-1": "iso-8859-1",
    "windows-1252": "windows-1252",
}
_REFUSALS: Final = (UnicodeError, LookupError, csv.Error)
# The library refuses a cell of more than 128 KiB. Here a record has a bound, which is Kafka's.
_MOST_CHARACTERS: Final = (1 << 31) - 1


def csv_format(
    columns: Sequence[str], delimiter: str = ",", quote: str | None = '"', encoding: Encoding = "utf-8"
) -> Format[Never]:
    """Return the format of lines whose cells may stand in quotes, as RFC 4180 says, or never (None)."""
    csv.field_size_limit(_MOST_CHARACTERS)
    if quote is None:
        return _delimited(columns, lambda line: line.split(delimiter), encoding)

    def split(line: str) -> list[str]:
        rows = list(csv.reader([line], delimiter=delimiter, quotechar=quote, strict=True))
        return rows[0] if len(rows) == 1 else []

    return _delimited(columns, split, encoding)


def tsv_format(columns: Sequence[str], encoding: Encoding = "utf-8") -> Format[Never]:
    """Return the format of lines with tabs between the cells. Quotes mean nothing there."""
    return _delimited(columns, lambda line: line.split("\t"), encoding)


def _delimited(
    columns: Sequence[str], split: Callable[[str], list[str]], encoding: Encoding
) -> Format[Never]:
    count, codec = len(columns), _CODECS[encoding]

    def compile_decoder(document: DocumentType) -> Decoder[Never]:
        # A member that is no column is absent from every record.
        places = [columns.index(member) if member in columns else None for member in document.attributes]
        make = document.struct

        def to_document(cells: Sequence[str]) -> Document:
            return make(*[None if place is None else (cells[place] or None) for place in places])

        def decode(value: bytes) -> Document:
            cells = split(value.decode(codec).rstrip("\r\n"))
            if len(cells) != count:
                raise LookupError
            return to_document(cells)

        def decode_unusual(value: bytes) -> Document | None:
            try:
                line = value.decode(codec).rstrip("\r\n")
                if not line:
                    raise FormatError(MALFORMED, "the value is an empty line")
                cells = split(line)
            except UnicodeError:
                what = describe_signature(value) or "perhaps of another record.encoding"
                text = f"the value is not {encoding.upper()}: {what}"
                raise FormatError(MALFORMED, text) from None
            except csv.Error:
                text = "the value is not one line of CSV: its quotes do not end, or a second line follows"
                raise FormatError(MALFORMED, text) from None
            if len(cells) != count:
                text = f"the line has {len(cells)} cells, but record.columns names {count}"
                raise FormatError(MALFORMED, text)
            return to_document(cells)

        return Decoder(decode, _REFUSALS, decode_unusual, lambda _: True)

    return compile_decoder
