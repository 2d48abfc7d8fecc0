"""A real Prometheus on this machine, for as long as a ``with`` block."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.error
import urllib.parse
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from tests.support.child_processes import ending_with_us
from tests.support.processes import ask
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

START_SECONDS = 30.0


class Prometheus(AbstractContextManager["Prometheus"]):
    """Scrapes each second.

    Args:
        program: its path.
        folder: for configuration, samples and log.
        targets: the labels of each address.
        rules: a rules file, as text.
    """

    def __init__(
        self, program: str, folder: Path, targets: Mapping[str, Mapping[str, str]], rules: str
    ) -> None:
        folder.mkdir()
        self._folder, self._program = folder, program
        statics = [{"targets": [address], "labels": labels} for address, labels in targets.items()]
        scraping = [{"job_name": "worker", "static_configs": statics}]
        every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        # JSON is YAML.
        config = {"global": every, "rule_files": ["rules.yaml"], "scrape_configs": scraping}
        (folder / "prometheus.yml").write_text(json.dumps(config))
        (folder / "rules.yaml").write_text(rules)

    def __enter__(self) -> Self:
        """Start it, and wait until it answers."""
        port = _free_port()
        self._url = f"http://127.0.0.1:{port}/api/v1"
        words = [
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with (self._folder / "prometheus.log").open("wb") as log:
            command = ending_with_us(self._program, *words)
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)
        until(lambda: self._get("status/buildinfo"), START_SECONDS, forgiving=OSError, what="Prometheus")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Ask for an instant vector.

        Raises:
            ValueError: it does not understand the query.
        """
        try:
            answer = self._get(f"query?{urllib.parse.urlencode({'query': expr})}")
        except urllib.error.HTTPError as refusal:
            raise ValueError(refusal.read().decode()) from refusal
        result: list[dict[str, Any]] = answer["result"]
        return result

    def rules(self) -> list[dict[str, Any]]:
        """Return each rule, with how its last evaluation went."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def _get(self, path: str) -> Any:
        return json.loads(ask(f"{self._url}/{path}"))["data"]


def _free_port() -> int:
    # Prometheus takes no port 0. Somebody may take this one in between, and then the test fails at its start.
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
