"""A schema registry's HTTP API in memory, as the tests' endpoint serves it; a contract holds it to srfake."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from tests.unit.delivery.endpoint import answer

if TYPE_CHECKING:
    from tests.unit.delivery.endpoint import Act, Captured


class RegistryApi:
    """Schemas by id, and by subject and version. ``answer`` is for ``Endpoint(otherwise=...)``."""

    def __init__(self, login: str = "") -> None:
        self.login = login
        self.away = 0
        """A status with which everything is answered; 0: as a registry does."""
        self._versions: dict[tuple[str, int], dict[str, Any]] = {}
        self._by_id: dict[int, dict[str, Any]] = {}

    def register(self, subject: str, schema: dict[str, Any]) -> int:
        """Add a version of a subject; return the schema's id."""
        version = 1 + sum(name == subject for name, _ in self._versions)
        number = len(self._by_id) + 1
        self._by_id[number] = schema
        self._versions[subject, version] = {"subject": subject, "version": version, "id": number, **schema}
        return number

    def answer(self, request: Captured) -> Act:
        if self.away:
            return answer(self.away, b"<html>")
        if self.login and request.header("authorization") != self.login:
            return _said(401, {"error_code": 40101, "message": "Unauthorized"})
        match [unquote(each) for each in urlsplit(request.target).path.split("/")[1:]]:
            case ["schemas", "ids", number]:
                found = self._by_id.get(int(number))
                return _said(200, found) if found else _missing(40403)
            case ["subjects", subject, "versions", version]:
                found = self._versions.get((subject, int(version)))
                return _said(200, found) if found else _missing(40402)
            case _:
                return _missing(404)


def _missing(error_code: int) -> Act:
    return _said(404, {"error_code": error_code, "message": "not found"})


def _said(status: int, said: object) -> Act:
    return answer(status, json.dumps(said).encode(), Content_Type="application/vnd.schemaregistry.v1+json")
