"""CSV and TSV: a line a record, its cells named by ``record.columns``.

A cell is text, and empty is absent. What a field needs is cast from text as everywhere: numbers, times, JSON.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from worker.formats.protocol import MALFORMED, Decoder, FormatError
from worker.formats.signatures import describe_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Never

    from worker.formats.protocol import Document, DocumentType, Format

_REFUSALS: Final = (UnicodeError, LookupError, csv.Error)


def csv_format(columns: Sequence[str], delimiter: str = ",") -> Format[Never]:
    """Return the format of lines whose cells may stand in double quotes, as RFC 4180 says."""

    def split(line: str) -> list[str]:
        rows = list(csv.reader([line], delimiter=delimiter, strict=True))
        return rows[0] if len(rows) == 1 else []

    return _delimited(columns, split)


def tsv_format(columns: Sequence[str]) -> Format[Never]:
    """Return the format of lines with tabs between the cells. Quotes mean nothing there."""
    return _delimited(columns, lambda line: line.split("\t"))


def _delimited(columns: Sequence[str], split: Callable[[str], list[str]]) -> Format[Never]:
    count = len(columns)

    def compile_decoder(document: DocumentType) -> Decoder[Never]:
        # A member that is no column is absent from every record.
        places = [columns.index(member) if member in columns else None for member in document.attributes]
        make = document.struct

        def decode(value: bytes) -> Document:
            # A byte order mark, which some producers write before each line, is no part of the first cell.
            cells = split(value.decode("utf-8-sig").rstrip("\r\n"))
            if len(cells) != count:
                raise LookupError
            return make(*[None if place is None else (cells[place] or None) for place in places])

        def decode_unusual(value: bytes) -> Document | None:
            try:
                line = value.decode("utf-8-sig").rstrip("\r\n")
                if not line:
                    raise FormatError(MALFORMED, "the value is an empty line")
                cells = split(line)
            except UnicodeError:
                what = describe_signature(value)
                raise FormatError(MALFORMED, f"the value is not UTF-8: {what or 'bytes, not text'}") from None
            except csv.Error:
                text = "the value is not one line of CSV: its quotes do not end, or a second line follows"
                raise FormatError(MALFORMED, text) from None
            if len(cells) != count:
                text = f"the line has {len(cells)} cells, but record.columns names {count}"
                raise FormatError(MALFORMED, text)
            return decode(line.encode())

        return Decoder(decode, _REFUSALS, decode_unusual, lambda _: True)

    return compile_decoder
