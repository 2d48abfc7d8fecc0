"""The schemas that records name by an id, for the formats whose records do not say how they are written.

Whoever asks the registry puts its answers here, and the decoders read them. So a decoder stays pure: for a
schema that is not here yet it answers ``NeedsSchema``, and is asked again later.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, TypeAlias

from msgspec import Struct

SchemaId: TypeAlias = int | str
"""A number, or a GUID in its usual form, such as ``89791762-2336-4186-9674-299b90a802e2``."""


class Schema(Struct, frozen=True):
    """One schema, as the registry has it; it never changes under its id."""

    kind: Literal["AVRO", "JSON", "PROTOBUF"]
    text: str
    """JSON for Avro and JSON Schema; base64 of a FileDescriptorProto for Protobuf."""
    references: tuple[tuple[str, Schema], ...] = ()
    """The schemas that it refers to, each with the name by which it does."""


class SchemaError(ValueError):
    """A schema cannot be used; the message says why, and holds nothing of a record."""


class Unknown(Enum):
    """The type of ``UNKNOWN``."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
"""The answer of a registry that has no schema of this id."""


class Schemas:
    """The schemas known so far, by id. It is used on one thread only."""

    def __init__(self) -> None:
        self._by_id: dict[SchemaId, Schema | Unknown] = {}

    def get(self, schema_id: SchemaId) -> Schema | Unknown | None:
        """Return the schema, ``UNKNOWN`` if there is none of this id, or None if nobody has asked yet."""
        return self._by_id.get(schema_id)

    def put(self, schema_id: SchemaId, schema: Schema | Unknown) -> None:
        """Note the registry's answer."""
        self._by_id[schema_id] = schema

    def forget(self, schema_id: SchemaId) -> None:
        """Ask again for the next record that names it: a schema may be registered after its first record."""
        self._by_id.pop(schema_id, None)
