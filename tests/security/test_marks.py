"""The search for marks finds them in every writing, and nothing where there is none."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import pprint
import textwrap
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.security.marks import NASTY, Marks

Write: TypeAlias = Callable[[str], str]

WRITINGS: dict[str, Write] = {
    "as it is": str,
    "in capitals": str.upper,
    "json": json.dumps,
    "json in json": lambda text: json.dumps(json.dumps(text)),
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "repr of a repr": lambda text: repr(repr(text.encode())),
    "ascii": ascii,
    "all as \\x": lambda text: "".join(f"\\x{code:02x}" for code in text.encode()),
    "all as \\u": lambda text: "".join(f"\\u{ord(letter) % 65536:04x}" for letter in text),
    "percent": lambda text: quote(text, safe=""),
    "all in percent": lambda text: "".join(f"%{code:02X}" for code in text.encode()),
    "entities": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex(" ").upper(),
    "codes": lambda text: str(list(text.encode())),
    "letters": lambda text: str(list(text)),
    "reversed": lambda text: text[::-1],
    "wrapped": lambda text: textwrap.fill(text, 7),
    "printed": lambda text: pprint.pformat({"a": [text]}, width=10),
    "in groups": lambda text: "-".join(textwrap.wrap(text, 5)),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 of more": lambda text: base64.b64encode(f"id={text};".encode()).decode(),
    "base64 of yet more": lambda text: base64.encodebytes(f"user={text};x={text}".encode()).decode(),
    "hashed": lambda text: f"session {hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}",
    "hashed with sha-256": lambda text: hashlib.sha256(text.encode()).hexdigest()[:16],
    "cut at its end": lambda text: text[: text.index("\n", 10) if "\n" in text[10:] else None][:42],
    "cut at its beginning": lambda text: text[-34:],
}


@pytest.mark.parametrize("writing", WRITINGS)
@given(around=st.text(), seed=st.integers(0, 1000))
def test_a_mark_is_found_however_it_is_written(writing: str, around: str, seed: int) -> None:
    marks = Marks(seed)
    plain, nasty = marks.text("plain"), marks.nasty("nasty")
    for name, text in (("plain", plain), ("nasty", nasty)):
        out = f"{around}{WRITINGS[writing](text)}{around}".encode("utf-8", "surrogatepass")
        assert marks.found_in(out) == {name}


@pytest.mark.parametrize("write", [str, hex, float, "{:,}".format, "{:.15e}".format])
def test_a_number_is_found_however_it_is_written(write: Callable[[int], object]) -> None:
    for seed in range(100):
        marks = Marks(seed)
        assert "n" in marks.found_in(f"id: {write(marks.number('n'))}!".encode()), seed


@given(noise=st.binary(max_size=5000))
def test_where_no_mark_is_none_is_found(noise: bytes) -> None:
    marks = Marks()
    for each in range(20):
        marks.nasty(str(each))
        marks.number(f"number {each}")
    for out in (noise, base64.b64encode(noise), noise.hex().encode(), gzip.compress(noise), NASTY.encode()):
        assert marks.found_in(out) == set()
