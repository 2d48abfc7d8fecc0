"""Apache Kafka on this machine's Java: KRaft, one process a broker, its jars brought by Maven.

The jars stay in ``.cache/kafka`` of the project, the data in a temporary folder that goes with ``stop()``. A
broker's port stays the same over ``kill()`` and ``restart()``, as does its data. Every process is ended by
its pid, and dies with the process that started it where the system can see to that (``setpriv``).

Three brokers keep each topic three times, and take a record once two have it. A broker may have doors besides
its own listener, each announced at another address than it listens on: that of a proxy.
"""

from __future__ import annotations

import base64
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
import zlib
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tests.support.child_processes import ending_with_us
from tests.support.kafka_topics import KafkaTopics, NoKafka

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

KAFKA_VERSION: Final = "4.1.0"
CACHE: Final = Path(__file__).parents[2] / ".cache" / "kafka"
START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 20.0
# A killed broker may come back when the controller has given its old self up: after 9 s, unless told.
BROKER_SESSION_MS: Final = 3000

POM: Final = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.1</version>
    </dependency>
  </dependencies>
</project>
"""

PROPERTIES: Final = """
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners={listeners},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners={announced}
listener.security.protocol.map={protocols},CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
auto.leader.rebalance.enable=false
default.replication.factor={replicas}
min.insync.replicas={min_insync}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.consumer.session.timeout.ms=6000
group.consumer.min.session.timeout.ms=6000
group.consumer.heartbeat.interval.ms=1000
group.consumer.min.heartbeat.interval.ms=1000
broker.session.timeout.ms={session_ms}
broker.heartbeat.interval.ms=500
{more}
"""


# Below those that the system gives to outgoing connections: a port stays free while its owner is away.
PORTS: Final = range(12_000, 32_000)
_RANDOM: Final = Random()  # noqa: S311  ports, not secrets


def free_port() -> int:
    """Find a port of the loopback address that nobody listens on."""
    while True:
        port = _RANDOM.choice(PORTS)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


# Most of what a short life costs is loading and compiling classes: 2 s of CPU instead of 5.6.
QUICK_START: Final = "-XX:TieredStopAtLevel=1"


def class_archive(libs: Path) -> Path:
    """Return the archive of the classes that a broker loads, made by one that runs for this, once.

    Java takes it for this interpreter and these jars at this place only; so its name has them in it. Where it
    can't be used, Java says so in the broker's log and loads the jars.
    """
    java = Path(shutil.which("java") or "").resolve()
    made_for = f"{java} {java.stat().st_mtime_ns} {libs.resolve()} {libs.stat().st_mtime_ns}"
    archive = CACHE / f"classes-{zlib.crc32(made_for.encode()):08x}.jsa"
    # Not the jars' lock: the broker that makes it asks for them.
    with (CACHE / "classes.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            for old in CACHE.glob("classes-*.jsa"):
                old.unlink()
            _archive_classes(archive)
    return archive


def _archive_classes(archive: Path) -> None:
    """Let a broker write the archive at its end, whole or not at all."""
    partial = archive.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    recording = JavaKafka(java=[QUICK_START, f"-XX:ArchiveClassesAtExit={partial}"])
    recording.create_topic("classes")
    recording.shut_down()
    recording.stop()
    if not partial.exists():
        # This Java makes none. An empty one is no archive to it either, and nobody tries again.
        partial.touch()
    partial.rename(archive)


def bring_jars() -> Path:
    """Return the folder of Kafka's jars, fetched once; raise ``NoKafka`` where Java or Maven won't."""
    if not (shutil.which("java") and shutil.which("mvn")):
        raise NoKafka("no Java and Maven on the path")
    libs = CACHE / f"libs-{KAFKA_VERSION}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        # Two test runs at once share the cache: the second waits for the first's jars.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not libs.exists():
            _fetch(libs)
    return libs


def _fetch(libs: Path) -> None:
    """Let Maven copy the jars, whole or not at all."""
    (CACHE / "pom.xml").write_text(POM)
    partial = CACHE / "libs.partial"
    shutil.rmtree(partial, ignore_errors=True)
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={partial}"]
    done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise NoKafka(f"Maven could not bring Kafka's jars: {(done.stdout + done.stderr).strip()[-300:]}")
    partial.rename(libs)


class Secured(Struct, frozen=True):
    """Listeners that want a login, beside the plain one."""

    protocols: Mapping[str, str] = {}
    """Their protocols, by name in capitals."""
    properties: str = ""
    """Their settings."""
    formatting: Sequence[str] = ()
    """Words for the formatting of the data folder."""
    classes: str = ""
    """A folder of Java classes, beside the jars."""
    java: Sequence[str] = ()
    """Options of the broker's Java."""


class Broker:
    """One broker process with its folder and ports."""

    def __init__(
        self, node: int, java: Sequence[str], folder: Path, doors: int, secured: Secured | None = None
    ) -> None:
        """Choose ports; nothing runs yet. ``java`` are its options."""
        self.secured = secured or Secured()
        self.secured_ports = {name: free_port() for name in self.secured.protocols}
        self.node, self.java, self.folder = node, java, folder
        self.port, self.controller_port = free_port(), free_port()
        self.doors = [free_port() for _ in range(doors)]
        """The port of each door; what is announced in its place is said to ``format``."""
        self.process: subprocess.Popen[bytes] | None = None

    def format(
        self, voters: str, replicas: int, cluster_id: str, announced: list[int]
    ) -> subprocess.Popen[bytes]:
        """Write the settings, and begin to format the data folder."""
        self.folder.mkdir()
        own = {"PLAINTEXT": self.port}
        names = [f"DOOR{number}" for number in range(len(self.doors))]
        bound = own | dict(zip(names, self.doors, strict=True)) | self.secured_ports
        protocols = dict.fromkeys(bound, "PLAINTEXT") | dict(self.secured.protocols)
        (self.folder / "server.properties").write_text(
            PROPERTIES.format(
                node=self.node,
                voters=voters,
                listeners=_addresses(bound),
                announced=_addresses(own | dict(zip(names, announced, strict=True)) | self.secured_ports),
                protocols=",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
                more=self.secured.properties,
                controller_port=self.controller_port,
                folder=self.folder,
                replicas=replicas,
                min_insync=min(2, replicas),
                session_ms=BROKER_SESSION_MS,
            )
        )
        tool = (
            "kafka.tools.StorageTool",
            "format",
            "-t",
            cluster_id,
            "-c",
            f"{self.folder}/server.properties",
            *self.secured.formatting,
        )
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(self._java(*tool), stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def start(self) -> None:
        """Start the process; it is not up yet."""
        command = self._java("kafka.Kafka", f"{self.folder}/server.properties")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def send(self, what: signal.Signals) -> None:
        """Send a signal to this one process, if it runs."""
        if self.process is not None:
            self.process.send_signal(what)

    def wait_until_stopped(self) -> None:
        """Return once a SIGSTOP has taken hold: on a busy machine the process answers others until then."""
        if self.process is not None:
            # Looked at, not taken: its end is for Popen to see, and whoever stops it twice finds it stopped.
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def end(self, how: signal.Signals) -> None:
        """Send the signal to this one process and wait for its end; SIGKILL when it takes too long."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def complain_if_dead(self) -> None:
        """Raise with the log's end when the process ended by itself."""
        if self.process is not None and self.process.poll() is not None:
            msg = f"broker {self.node} ended with {self.process.returncode}: {self.log_end()}"
            raise RuntimeError(msg)

    def log_end(self) -> str:
        """What it said last."""
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def _java(self, *arguments: str) -> list[str]:
        return ending_with_us("java", *self.java, *arguments)


def _addresses(ports: dict[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())


@contextmanager
def _starting() -> Iterator[None]:
    """One cluster starts at a time: several at once take ten times as long, and miss their own deadlines."""
    with (CACHE / "starting.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class JavaKafka(KafkaTopics):
    """A cluster of one or more brokers."""

    can_be_killed = True

    def __init__(  # noqa: PLR0913  what tests choose of it
        self,
        brokers: int = 1,
        *,
        heap_mb: int = 512,
        doors: int = 0,
        announce: Callable[[int, int], int] = lambda _, port: port,
        java: Sequence[str] | None = None,
        secured: Secured | None = None,
    ) -> None:
        """Bring the jars, format and start the brokers, and wait until they answer.

        Args:
            brokers: how many.
            heap_mb: the most memory of one's heap.
            doors: so many more listeners, at each broker.
            announce: the port to announce for a door, by its number and the port that it listens on.
            java: options of the brokers' Java; without them it is quick to start and not to be measured.
            secured: listeners that want a login.
        """
        libs, secured = bring_jars(), secured or Secured()
        if java is None:
            java = (QUICK_START, f"-XX:SharedArchiveFile={class_archive(libs)}")
        jars = os.pathsep.join(filter(None, (f"{libs}/*", secured.classes)))
        java = (*java, f"-Xmx{heap_mb}m", "-XX:+UseSerialGC", *secured.java, "-cp", jars)
        self.folder = Path(tempfile.mkdtemp(prefix="kafka-for-tests-"))
        self.replicas = min(3, brokers)
        self.brokers: list[Broker] = []
        self.forget_clients()
        try:
            # The ports too: who waits for long finds them taken.
            with _starting():
                nodes = range(1, brokers + 1)
                self.brokers = [Broker(node, java, self.folder / str(node), doors, secured) for node in nodes]
                super().__init__(",".join(f"127.0.0.1:{each.port}" for each in self.brokers))
                announced = [
                    [announce(door, port) for door, port in enumerate(each.doors)] for each in self.brokers
                ]
                self.doors = [
                    ",".join(f"127.0.0.1:{port}" for port in ports) for ports in zip(*announced, strict=True)
                ]
                """The brokers' addresses, of each door."""
                self._format(announced)
                self.restart()
        except BaseException:
            # Whatever went wrong, Ctrl-C included, no process may stay behind.
            self.stop()
            raise

    def _format(self, announced: list[list[int]]) -> None:
        """Make the brokers one cluster."""
        # The first byte is set, for an id that begins with "-" would be taken for an option.
        cluster_id = base64.urlsafe_b64encode(b"k" + uuid.uuid4().bytes[1:]).rstrip(b"=").decode()
        voters = ",".join(f"{each.node}@127.0.0.1:{each.controller_port}" for each in self.brokers)
        formatting = [
            each.format(voters, self.replicas, cluster_id, ports)
            for each, ports in zip(self.brokers, announced, strict=True)
        ]
        for broker, each in zip(self.brokers, formatting, strict=True):
            if each.wait(START_SECONDS):
                raise RuntimeError(f"broker {broker.node} is not formatted: {broker.log_end()}")

    def kill(self, node: int = 1) -> None:
        """Crash a broker: SIGKILL."""
        self.brokers[node - 1].end(signal.SIGKILL)

    def shut_down(self, node: int = 1) -> None:
        """End a broker in good order: SIGTERM."""
        self.brokers[node - 1].end(signal.SIGTERM)

    def freeze(self, node: int = 1) -> None:
        """Let a broker stand still: SIGSTOP; return once it does."""
        self.brokers[node - 1].send(signal.SIGSTOP)
        self.brokers[node - 1].wait_until_stopped()

    def thaw(self, node: int = 1) -> None:
        """Let it go on: SIGCONT."""
        self.brokers[node - 1].send(signal.SIGCONT)

    def restart(self) -> None:
        """Start the brokers that do not run, on their old data, and wait until all answer."""
        for each in self.brokers:
            if each.process is None:
                each.start()
        self.wait_until_up(len(self.brokers), START_SECONDS)

    def complain_if_dead(self) -> None:
        """Raise when a broker ended by itself."""
        for each in self.brokers:
            each.complain_if_dead()

    def stop(self) -> None:
        """End all brokers and remove their data."""
        self.forget_clients()
        # In good order each would first give its partitions to the others: the last ones wait for nobody.
        for each in self.brokers:
            each.end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
