"""Reads the answers of a schema registry. Reading never raises, whatever the bytes.

What says that there is no such schema must be the registry's own word, for it makes dead letters of records.
A 404 alone is not: the server of another address gives one too. Everything that is not understood is the
registry's fault or the network's, and the records wait.

Source: Confluent's "Schema Registry API Reference", section Errors; Karapace and Apicurio answer alike.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec

from worker.formats.schemas import UNKNOWN, Unknown
from worker.ports import RegistryFault

if TYPE_CHECKING:
    from worker.http.reply import Reply

# 40403 is "schema not found"; stand-ins say 40400 too, and 40401 or 40402 are of subject and version.
_NOT_FOUND_CODES: Final = range(40400, 40500)
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_KINDS: Final = frozenset({"AVRO", "JSON", "PROTOBUF"})
_FIRST_SERVER_ERROR: Final = 500

LOGIN_REFUSED: Final = RegistryFault("LoginRefused", 401)
FORBIDDEN: Final = RegistryFault("Forbidden", 403)
NOT_THE_REGISTRY: Final = RegistryFault("NotTheRegistry")
ANSWER_UNREADABLE: Final = RegistryFault("AnswerUnreadable", 200)
UNKNOWN_KIND: Final = RegistryFault("UnknownKindOfSchema", 200)


class Reference(msgspec.Struct, frozen=True):
    """Another schema that one refers to by a name; it is found by subject and version."""

    name: str
    subject: str
    version: int


class Found(msgspec.Struct, frozen=True):
    """A schema as the registry has it, without those that it refers to."""

    text: str
    kind: str
    references: tuple[Reference, ...] = ()


class _Answer(msgspec.Struct):
    schema: str
    schemaType: str | None = None  # noqa: N815  the registry's name
    references: list[Reference] | None = None


class _Error(msgspec.Struct):
    error_code: int


def read(reply: Reply) -> Found | Unknown | RegistryFault:
    """Read the answer to a question for a schema."""
    if reply.status == HTTPStatus.OK:
        return _read_schema(reply.body)
    return fault_of(reply)


def fault_of(reply: Reply) -> Unknown | RegistryFault:
    """Say what an answer means that is not 200."""
    match reply.status:
        case HTTPStatus.UNAUTHORIZED:
            return LOGIN_REFUSED
        case HTTPStatus.FORBIDDEN:
            return FORBIDDEN
        case HTTPStatus.NOT_FOUND if _is_own_word(reply.body):
            return UNKNOWN
        case HTTPStatus.NOT_FOUND:
            return RegistryFault(NOT_THE_REGISTRY.code, reply.status)
        case status:
            return RegistryFault(f"Http{status}", status)


def is_passing(fault: RegistryFault) -> bool:
    """Whether another address of the registry may do better."""
    return (
        fault.status in {0, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
        or fault.status >= _FIRST_SERVER_ERROR
    )


def _read_schema(body: bytes) -> Found | RegistryFault:
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except _UNREADABLE:
        return ANSWER_UNREADABLE
    # Registries leave the kind out where it is Avro, which once was the only one.
    kind = answer.schemaType or "AVRO"
    if kind not in _KINDS:
        return UNKNOWN_KIND
    return Found(answer.schema, kind, tuple(answer.references or ()))


def _is_own_word(body: bytes) -> bool:
    try:
        return msgspec.json.decode(body, type=_Error).error_code in _NOT_FOUND_CODES
    except _UNREADABLE:
        return False
