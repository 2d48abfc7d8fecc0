"""Finds what is wrong with the keys of the schema registry, and with its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from msgspec.structs import fields

from worker.config.addresses import wrong_address
from worker.core.loopback import is_loopback
from worker.formats import WITH_REGISTRY
from worker.settings import SchemaRegistrySettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_UNENCRYPTED: Final = (
    "would receive the login unencrypted, and its schemas could be forged on the way: use https://, or set "
    "schema_registry.plain_http if the network in between is private"
)


def schema_registry_mistakes(
    values: Mapping[str, Any], record: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the section, by key.

    Args:
        values: its valid values that were given.
        record: those of the section ``record``.
    """
    name = record.get("format", "json")
    is_needed = name in WITH_REGISTRY and record.get("schema_file") is None
    if not is_needed:
        for key in _changed(values):
            why = "has its schema in record.schema_file" if name in WITH_REGISTRY else "needs none"
            yield f"schema_registry.{key}", f"is set, but record.format {name} {why}: remove it"
        return
    urls = values.get("url", ())
    if not urls:
        missing = f"is missing: where the schemas of the {name} records are, such as https://host:8081; "
        yield "schema_registry.url", missing + "or let record.schema_file name their one schema"
    addresses = dict(_addresses(urls, plain_http=values.get("plain_http", False)))
    yield from addresses.items()
    yield from _login(values)
    yield from _trust(values, urls)


def _changed(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys that are not as by default; a file may name all there are."""
    for field in fields(SchemaRegistrySettings):
        value = values.get(field.name, field.default)
        if (tuple(value) if isinstance(value, list) else value) != field.default:
            yield field.name


def _addresses(urls: Sequence[str], *, plain_http: bool) -> Iterator[tuple[str, str]]:
    for index, url in enumerate(urls):
        key = f"schema_registry.url[{index}]"
        parts = urlsplit(url) if (wrong := wrong_address(url)) is None else None
        if parts is None:
            yield key, str(wrong)
        elif parts.scheme == "http" and not plain_http and not is_loopback(parts.hostname or ""):
            yield key, _UNENCRYPTED
        if url in urls[:index]:
            yield key, "is named twice"


def _login(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    user, password, token = (values.get(key) for key in ("user", "password", "token"))
    if token is not None and (user is not None or password is not None):
        yield "schema_registry.token", "stands beside a user or a password; keep one kind of login"
    if user is not None and password is None:
        yield "schema_registry.password", "is missing: schema_registry.user has no password"
    if password is not None and user is None:
        yield "schema_registry.user", "is missing: schema_registry.password belongs to nobody"


def _trust(values: Mapping[str, Any], urls: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Check the files of certificates, which must be there and belong together."""
    files = ("ca_file", "client_certificate_file", "client_key_file")
    given = [key for key in files if values.get(key) is not None]
    if given and urls and not any(url.startswith("https:") for url in urls):
        yield f"schema_registry.{given[0]}", "does nothing: no address of schema_registry.url is an https one"
        return
    if "client_key_file" in given and "client_certificate_file" not in given:
        yield (
            "schema_registry.client_certificate_file",
            "is missing: schema_registry.client_key_file is the key of a certificate",
        )
        return
    from worker.registry.trust import UnusableFileError, registry_trust  # noqa: PLC0415  of the room of the registry

    try:
        registry_trust(SchemaRegistrySettings(**{key: values[key] for key in given}))
    except UnusableFileError as error:
        yield error.key, error.why
