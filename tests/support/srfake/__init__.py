"""A schema registry in memory, of franz-go: built once, into ``.cache/srfake``."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE: Final = Path(__file__).parent
_CACHE: Final = _HERE.parents[2] / ".cache" / "srfake"
_INSTALLERS_PLACE: Final = "/usr/local/go/bin"


@contextmanager
def srfake(login: str = "") -> Iterator[str]:
    """Run one, and give its address; with ``login`` it wants that Authorization header."""
    with subprocess.Popen(
        [_built(), "-login", login], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def _built() -> Path:
    """Return the program, built now if there is none; skip the test where there is no Go."""
    program = _CACHE / "srfake"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        # Two test runs at once share the cache.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program.exists() and program.stat().st_mtime >= (_HERE / "main.go").stat().st_mtime:
            return program
        go = shutil.which("go") or shutil.which("go", path=_INSTALLERS_PLACE)
        if go is None:
            if os.environ.get("CI") == "true":
                raise RuntimeError("srfake is built with Go, which is missing")
            pytest.skip("srfake is built with Go, which is missing")
        subprocess.run([go, "build", "-o", program, "."], check=True, cwd=_HERE, timeout=600)
        program.touch()
    return program
