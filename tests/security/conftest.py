"""How many paths were searched for marked values is told at the end of the run."""

from __future__ import annotations

import pytest

SEARCHED: pytest.StashKey[set[str]] = pytest.StashKey()


@pytest.fixture
def searched(request: pytest.FixtureRequest) -> set[str]:
    """The paths on which no mark came out, of all tests so far; a test adds its own."""
    return request.config.stash.setdefault(SEARCHED, set())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell it."""
    if paths := config.stash.get(SEARCHED, None):
        terminalreporter.write_line(f"marked values: {len(paths)} paths searched, none found")
        if config.get_verbosity() > 0:
            terminalreporter.write_line("\n".join(sorted(paths)))
