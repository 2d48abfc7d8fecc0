"""What ``check`` says of a schema registry: whether each address answers, and accepts the login."""

from __future__ import annotations

import asyncio
import socket
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from tests.support.registry_api import RegistryApi
from tests.support.stage import settings
from tests.unit.delivery.endpoint import Endpoint, answer
from worker.commands.check.registry import registry_findings
from worker.settings import SchemaRegistrySettings

if TYPE_CHECKING:
    from worker.commands.check.finding import Finding

SECRET = "pa55-w0rd"  # noqa: S105  nobody lets it in


async def found(*urls: str, **more: Any) -> list[Finding]:
    """The findings of a configuration with these addresses; the command has no loop of its own."""
    configured = structs.replace(settings(), schema_registry=SchemaRegistrySettings(url=urls, **more))
    return await asyncio.to_thread(lambda: list(registry_findings(configured)))


async def test_without_a_registry_nothing_is_said() -> None:
    assert await found() == []


@pytest.mark.parametrize("registered", [0, 1])
async def test_one_that_answers_is_fine_whether_it_has_that_schema_or_not(registered: int) -> None:
    api = RegistryApi()
    for _ in range(registered):
        api.register("events", {"schema": '"string"'})
    async with Endpoint(otherwise=api.answer) as endpoint:
        (finding,) = await found(endpoint.url)
    assert (finding.level, finding.what) == ("ok", f"schema registry {endpoint.url}")
    assert finding.found == "answers"


async def test_a_login_that_is_accepted_is_said_and_one_that_is_not_fails_without_being_told() -> None:
    api = RegistryApi("Basic " + b64encode(f"me:{SECRET}".encode()).decode())
    async with Endpoint(otherwise=api.answer) as endpoint:
        (right,) = await found(endpoint.url, user="me", password=SECRET)
        (wrong,) = await found(endpoint.url, user="me", password=f"{SECRET}!")
    assert (right.level, right.found) == ("ok", "answers, and accepts the login")
    assert wrong.level == "FAIL"
    assert wrong.found.startswith("LoginRefused: correct schema_registry.user and password")
    assert SECRET not in str(wrong)


async def test_each_address_is_looked_at_by_itself() -> None:
    """A worker would go on with those that answer, and nobody would know of the others."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    api = RegistryApi()
    async with Endpoint(otherwise=api.answer) as endpoint:
        findings = await found(nobody, endpoint.url)
    assert [each.level for each in findings] == ["FAIL", "ok"]
    assert findings[0].found.startswith("ConnectionFailed: nobody listens at schema_registry.url")


async def test_what_answers_and_is_no_registry_fails_with_what_to_do() -> None:
    async with Endpoint(otherwise=lambda _: answer(404, b"<html>not found</html>")) as endpoint:
        (finding,) = await found(endpoint.url)
    assert finding.level == "FAIL"
    assert finding.found.startswith("NotTheRegistry: there is no registry at this path")


async def test_a_file_of_authorities_that_cannot_be_used_is_a_finding_and_no_crash() -> None:
    (finding,) = await found("https://127.0.0.1:1", ca_file="/does/not/exist.pem")
    assert finding.level == "FAIL"
    assert finding.found == "schema_registry.ca_file can't be used: No such file or directory"
