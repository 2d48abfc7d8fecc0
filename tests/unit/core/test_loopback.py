from __future__ import annotations

import pytest

from worker.core.loopback import is_loopback


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "127.0.0.1.example.com", "localhost.example.com", "10.0.0.1", "::", "1"]
)
def test_what_may_lead_elsewhere_is_not(host: str) -> None:
    assert not is_loopback(host)
