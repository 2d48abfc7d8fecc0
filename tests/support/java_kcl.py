"""The KCL itself (``amazon-kinesis-client``), on this machine's Java: a consumer made of it, as a process.

Its jars come by Maven and stay in ``.cache/kcl``, as does what javac makes of ``java/KclConsumer.java``.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import zlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.support.child_processes import ending_with_us
from tests.support.java_kafka import QUICK_START
from tests.support.waiting import until
from worker.local.call_log import AcceptedCall

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

CACHE: Final = Path(__file__).parents[2] / ".cache" / "kcl"
SOURCE: Final = Path(__file__).parent / "java" / "KclConsumer.java"
# Leases of others, which expire, and a take every two failover times: on a busy machine, some more.
PATIENCE_SECONDS: Final = 240.0
END_SECONDS: Final = 40.0
_TOOL_SECONDS: Final = 600

POM: Final = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kcl-for-tests</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>software.amazon.kinesis</groupId><artifactId>amazon-kinesis-client</artifactId><version>{version}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>2.0.13</version>
    </dependency>
  </dependencies>
</project>
"""


class NoKcl(Exception):  # noqa: N818  it names what is missing
    """What it takes is not here."""


def bring(version: str) -> tuple[Path, Path]:
    """Return the folders of the KCL's jars and of the consumer's classes, made once."""
    if not all(map(shutil.which, ("java", "javac", "mvn"))):
        raise NoKcl("no java, javac and mvn on the path")
    libs = CACHE / f"libs-{version}"
    classes = CACHE / f"classes-{version}-{zlib.crc32(SOURCE.read_bytes()):08x}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        # Two test runs at once share the cache: the second waits for the first's jars.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not libs.exists():
            (CACHE / "pom.xml").write_text(POM.format(version=version))
            _make(libs, "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory={}")
        if not classes.exists():
            options = ("-J" + QUICK_START, "-proc:none", "-cp", f"{libs}/*")
            _make(classes, "javac", *options, "-d", "{}", str(SOURCE))
    return libs, classes


def _make(folder: Path, *command: str) -> None:
    """Let a tool fill the folder, whole or not at all; ``{}`` stands for where it writes."""
    partial = folder.with_name("partial")
    shutil.rmtree(partial, ignore_errors=True)
    words = [each.replace("{}", str(partial)) for each in command]
    done = subprocess.run(
        words, cwd=CACHE, capture_output=True, text=True, timeout=_TOOL_SECONDS, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[:300]
        raise NoKcl(f"{command[0]} could not make {folder.name}: {said}")
    partial.rename(folder)


class JavaKcl(AbstractContextManager["JavaKcl"]):
    """One consumer, killed at the end of the block if it still runs.

    Args:
        folder: for its settings, its log and what it read.
        version: of the KCL.
        name: its worker id.
        settings: the properties that ``KclConsumer`` wants.
    """

    def __init__(self, folder: Path, version: str, name: str, settings: dict[str, object]) -> None:
        libs, classes = bring(version)
        self._output, self._log = folder / f"{name}.jsonl", folder / f"{name}.log"
        told = {**settings, "worker": name, "output": self._output}
        properties = folder / f"{name}.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in told.items()))
        java = ("java", QUICK_START, "-Xmx256m", "-XX:+UseSerialGC")
        options = (
            # kinesis-local takes CBOR for JSON in some calls.
            "-Daws.cborEnabled=false",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
        )
        words = (*java, *options, "-cp", f"{classes}{os.pathsep}{libs}/*", "KclConsumer", str(properties))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ending_with_us(*words), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill it."""
        self.kill()

    def lines(self) -> list[dict[str, Any]]:
        """What it wrote so far."""
        if not self._output.exists():
            return []
        written = self._output.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in written if line.endswith("\n")]

    def ids(self) -> list[str]:
        """The events that it had so far, in order."""
        return [line["event"]["eventId"] for line in self.lines() if "event" in line]

    def calls(self) -> list[AcceptedCall]:
        """The events that it had so far, in order, as calls of one event."""
        events = [line["event"] for line in self.lines() if "event" in line]
        return [
            AcceptedCall(number, 0.0, each["sessionId"], None, (each["eventId"],))
            for number, each in enumerate(events)
        ]

    def wait_until_reading(self, events: int = 60) -> None:
        """Return once it has so many more."""
        enough = len(self.ids()) + events
        self._wait(lambda: len(self.ids()) >= enough, f"reading {events} more")

    def wait_until_said(self, words: str, times: int) -> None:
        """Return once its log has these words so often."""
        self._wait(lambda: self.log().count(words) >= times, f"saying {words!r}")

    def _wait(self, is_so: Callable[[], bool], what: str) -> None:
        def looked() -> bool:
            if self._process.poll() is not None:
                raise RuntimeError(f"the KCL ended with {self._process.returncode}: {self.log()[-2000:]}")
            return is_so()

        until(looked, PATIENCE_SECONDS, what=f"the KCL {what}")

    def log(self) -> str:
        """What it said."""
        return self._log.read_text(errors="replace")

    def end(self) -> None:
        """End it gracefully: SIGTERM, and wait for its end."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(END_SECONDS)

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait()
