"""Recognises, by its first bytes, a value that is not a JSON object, for the reason of its dead letter.

Nothing is converted to JSON by guessing. Compression or framing is reported, so that the producer or the
mapping can be fixed, and the record stays as it was.
"""

from __future__ import annotations

from typing import Final

# Longer signatures before those with which they begin.
_SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"{\x00\x00\x00", "UTF-32"),
    (b"\x00\x00\x00{", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"{\x00", "UTF-16"),
    (b"\x00{", "UTF-16"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"\x04\x22\x4d\x18", "compressed with LZ4"),
    (b"\xff\x06\x00\x00sNaPpY", "compressed with Snappy"),
    (b"\x82SNAPPY\x00", "compressed with Snappy"),
    (b"\x78\x01", "compressed with zlib"),
    (b"\x78\x9c", "compressed with zlib"),
    (b"\x78\xda", "compressed with zlib"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"H4sI", "gzip in Base64"),
    (b"eyJ", "JSON in Base64, or a JWT"),
    (b"Obj\x01", "an Avro container file"),
    (b"\xc3\x01", "Avro (a single object)"),
    (b"PAR1", "Parquet"),
    (b"\xac\xed\x00\x05", "an object serialised by Java"),
    (b"\x80\x02", "an object pickled by Python"),
    (b"\x80\x03", "an object pickled by Python"),
    (b"\x80\x04", "an object pickled by Python"),
    (b"\x80\x05", "an object pickled by Python"),
    (b":)\n", "Smile, Jackson's binary JSON"),
    (b"\xd9\xd9\xf7", "CBOR"),
    (b"\x03\x00", "framed for AWS Glue's schema registry"),
    (b"\x03\x05", "framed for AWS Glue's schema registry"),
    (b"\x00", "framed for a schema registry"),
    (b"<", "XML or HTML"),
    (b"%7B", "URL-encoded"),
)
_ONE_BYTE: Final = {
    **dict.fromkeys([*range(0x80, 0x90), 0xDE, 0xDF], "MessagePack, by its first byte"),
    **dict.fromkeys(range(0xA0, 0xC0), "CBOR, by its first byte"),
}


def describe_signature(value: bytes) -> str:
    """Return what the value is according to its first bytes; empty if they say nothing."""
    for signature, what in _SIGNATURES:
        if value.startswith(signature):
            return what
    if len(value) > 4 and int.from_bytes(value[:4], "little") == len(value):  # noqa: PLR2004  BSON begins with its length
        return "BSON"
    return _ONE_BYTE.get(value[0], "") if value else ""
