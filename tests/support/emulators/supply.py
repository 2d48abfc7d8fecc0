"""Bringing the emulators, whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE: Final = Path(__file__).parent
CACHE: Final = HERE.parents[2] / ".cache" / "emulators"
LOOPBACK: Final = HERE / "loopback.cjs"
_SECONDS: Final = 600


class NoEmulator(Exception):  # noqa: N818  it names what is missing
    """What it takes is not here."""


def node_packages() -> Path:
    """Return the folder of node's packages, brought once."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise NoEmulator("no node and npm on the path")
    return _brought("node", ("package.json", "package-lock.json"), _fetch_node_packages) / "node_modules"


def moto_python() -> Path:
    """Return the interpreter that has moto, brought once."""
    return (
        _brought("moto", ("moto.txt",), lambda folder: _fetch_python("moto.txt", folder)) / "bin" / "python"
    )


def kcl_python() -> Path:
    """Return a Python that has the KCL (kcl-rs), brought once."""
    return _brought("kcl", ("kcl.txt",), lambda folder: _fetch_python("kcl.txt", folder)) / "bin" / "python"


def _fetch_node_packages(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    # What is in memory needs no scripts: those build LevelDB.
    _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=folder)


def _fetch_python(pins: str, folder: Path) -> None:
    uv = str(Path(sys.executable).parent / "uv")
    _run(uv, "venv", "--quiet", "--python", sys.executable, "--allow-existing", str(folder), folder=folder)
    listed = ("--require-hashes", "--requirements", str(HERE / pins))
    _run(uv, "pip", "install", "--quiet", "--python", str(folder), *listed, folder=folder)


def _brought(name: str, pins: tuple[str, ...], fetch: Callable[[Path], None]) -> Path:
    """Return the folder of what these pins name; another test run may be fetching it."""
    crc = zlib.crc32(b"".join((HERE / each).read_bytes() for each in pins))
    folder = CACHE / f"{name}-{crc:08x}"
    with _locked(name):
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            fetch(folder)
            (folder / "ready").touch()
    return folder


@contextmanager
def _locked(name: str) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*command: str, folder: Path) -> None:
    own = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        command, cwd=folder, env=own, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        raise NoEmulator(f"{command[0]} could not bring it: {(done.stdout + done.stderr).strip()[-300:]}")
