"""Files as people have them: a line a record, one array, several lines a record, compressed, empty."""

from __future__ import annotations

import gzip
import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.commands.try_.file_texts import texts_of

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENTS = st.lists(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9) | st.none(), max_size=4),
    min_size=1,
)


def read(content: bytes, record_format: str = "json") -> tuple[list[tuple[str, Any]], list[str]]:
    said: list[str] = []
    found = [(each.at, each.text) for each in texts_of(BytesIO(content), record_format, said.append)]
    return found, said


@given(
    documents=DOCUMENTS,
    indent=st.sampled_from([None, 2]),
    written=st.sampled_from([bytes, gzip.compress]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_an_array_is_its_elements_however_it_is_written(
    documents: list[dict[str, Any]], indent: int | None, written: Callable[[bytes], bytes], mark: bytes
) -> None:
    content = mark + json.dumps(documents, indent=indent, ensure_ascii=False).encode()
    found, said = read(written(content))
    assert [json.loads(text) for _, text in found] == documents
    assert [at for at, _ in found] == [f"[{index}]" for index in range(len(documents))]
    assert said == ["it is one JSON array; each of its elements is taken for a record"]


@given(documents=DOCUMENTS)
def test_records_of_several_lines_are_records(documents: list[dict[str, Any]]) -> None:
    content = "\n".join(json.dumps({"a": 1, **each}, indent=2) for each in documents).encode()
    found, said = read(content)
    assert [json.loads(text) for _, text in found] == [{"a": 1, **each} for each in documents]
    assert said == ["its records take several lines each"]
    lines = content.splitlines()
    assert all(lines[int(at[1:]) - 1].startswith(b"{") for at, _ in found)


@given(documents=DOCUMENTS, end=st.sampled_from([b"\n", b"\r\n"]))
def test_a_line_a_record_is_left_as_it_is(documents: list[dict[str, Any]], end: bytes) -> None:
    lines = [json.dumps(each).encode() for each in documents]
    found, said = read(end.join(lines) + end)
    assert [text for _, text in found] == lines
    assert said == []


@pytest.mark.parametrize(
    "content",
    [
        b'{"cut": \n{"a": 1}\n',
        b'[{"a": 1}]\n{"a": 2}\n',
        b"[1, 2\n3]]\n",
        b'{"a": 1}\n{"cut": \n',
        b'{"\xff": \n1}\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_what_is_no_json_as_a_whole_stays_a_line_each(content: bytes) -> None:
    found, said = read(content)
    assert [text for _, text in found] == content.splitlines()
    assert said == []


def test_in_other_formats_it_is_always_a_line_each() -> None:
    assert [text for _, text in read(b"[1\n2]\n", "csv")[0]] == [b"[1", b"2]"]


@pytest.mark.parametrize("record_format", ["json", "csv"])
def test_an_empty_file_has_none(record_format: str) -> None:
    assert read(b"", record_format) == read(b"\n \r\n", record_format) == ([], [])


def test_gzip_that_is_cut_off_is_an_error_of_the_file() -> None:
    whole = gzip.compress(b'{"a": 1}\n' * 1000)
    for broken in (whole[:-9], whole[:20], b"\x1f\x8bnothing"):
        with pytest.raises(OSError, match="broken or cut off"):
            read(broken)


@pytest.mark.parametrize(
    "first", [b"time;user", b"\xef\xbb\xbfTIME;User\r", b'"time","user"', b"time\tuser", b"\xfftime;user"]
)
def test_a_first_line_that_names_the_columns_is_passed_over(first: bytes) -> None:
    said: list[str] = []
    file = BytesIO(first + b"\n1;time\ntime;user\n")
    found = [each.at for each in texts_of(file, "csv", said.append, ("time", "user"))]
    is_passed = not first.startswith(b"\xfft")
    assert found == ([":2", ":3"] if is_passed else [":1", ":2", ":3"])
    assert said == ["its first line names the columns, and is passed over"] * is_passed
