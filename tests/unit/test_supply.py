"""What is installed is what was locked, by hash, and known weaknesses of it fail the check."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import tomllib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"
ADVISORY = {"id": "PYSEC-0", "modified": "2026-01-01T00:00:00Z", "summary": "made up", "affected": []}


def test_every_package_is_locked_by_hash_and_comes_from_an_index() -> None:
    locked = tomllib.loads((PROJECT / "uv.lock").read_text())["package"]
    ours, *others = sorted(locked, key=lambda each: "registry" in each["source"])
    assert ours["source"] == {"editable": "."}
    assert len(others) > 40
    for each in others:
        assert "registry" in each["source"], each["name"]
        files = [*each.get("wheels", ()), *filter(None, [each.get("sdist")])]
        assert files, each["name"]
        assert all(file["hash"].startswith("sha256:") for file in files), each["name"]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", [(3, 11), (3, 12), (3, 13), (3, 14)], ids=lambda each: f"3.{each[1]}")
def test_nothing_that_is_locked_has_to_be_compiled(python: tuple[int, int], machine: str) -> None:
    """On Debian, which the image is made of, by the Pythons that the workflow tests."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(41, 4, -1)]
    platforms += [f"manylinux{year}_{machine}" for year in (2014, 2010, 1)]
    fit = {*cpython_tags(python, platforms=platforms), *compatible_tags(python, platforms=platforms)}
    locked = tomllib.loads((PROJECT / "uv.lock").read_text())["package"]
    without = [
        each["name"]
        for each in locked
        if "registry" in each["source"]
        and not any(
            fit & parse_wheel_filename(Path(wheel["url"]).name)[3] for wheel in each.get("wheels", ())
        )
    ]
    assert without == []


def test_whoever_installs_does_it_from_the_lock_and_brings_uv_by_hash() -> None:
    for name in ("tools/bootstrap.sh", "Dockerfile"):
        text = (PROJECT / name).read_text()
        syncs, installs = re.findall(r"uv sync[^\n]*", text), re.findall(r"pip install[^\n]*", text)
        assert syncs, name
        assert installs, name
        assert all("--locked" in each for each in syncs), name
        assert all("--require-hashes" in each for each in installs), name


@contextmanager
def database(weak: str) -> Iterator[str]:
    """A database that knows of one weakness, of this package; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if "nowhere" in self.path:
                self.send_error(403)
                return
            asked = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
            known = [{"id": ADVISORY["id"], "modified": ADVISORY["modified"]}]
            names = [each["package"]["name"] for each in asked["queries"]]
            self._answer({"results": [{"vulns": known} if name == weak else {} for name in names]})

        def do_GET(self) -> None:
            self._answer(ADVISORY)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

        def _answer(self, said: dict[str, Any]) -> None:
            body = msgspec.json.encode(said)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def audit(url: str, *options: str) -> tuple[int, str]:
    """Exit code, and what it says."""
    if not UV.exists():
        pytest.skip("needs the uv that make setup brings")
    done = subprocess.run(
        [PROJECT / "tools/audit", *options],
        env={**os.environ, "AUDIT_URL": url, "UV": str(UV), "UV_HTTP_RETRIES": "0", "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_a_known_weakness_fails_the_check_and_is_named() -> None:
    with database("boto3") as url:
        code, said = audit(url, "--if-reachable")
    assert code == 1
    assert "boto3" in said
    assert "PYSEC-0" in said


def test_none_known_is_well() -> None:
    with database("none of ours") as url:
        assert audit(url)[0] == 0


def test_a_database_that_is_away_is_said_and_fails_only_who_insists() -> None:
    code, said = audit("http://127.0.0.1:1", "--if-reachable")
    assert (code, said.partition(":")[0]) == (0, "NOT CHECKED")
    assert audit("http://127.0.0.1:1")[0] == 2
    with database("none of ours") as url:
        # A proxy that lets nobody through, say.
        assert audit(f"{url}/nowhere", "--if-reachable")[0] == 0


def test_what_else_goes_wrong_is_never_taken_for_well() -> None:
    assert audit("nonsense", "--if-reachable")[0] not in {0, 1}
