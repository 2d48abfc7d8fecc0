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
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from tests.support.child_processes import ending_with_us
from tests.support.kafka_topics import KafkaTopics, NoKafka

if TYPE_CHECKING:
    from collections.abc import Callable

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


class Broker:
    """One broker process with its folder and ports."""

    def __init__(self, node: int, libs: Path, folder: Path, heap_mb: int, doors: int) -> None:
        """Choose ports; nothing runs yet."""
        self.node, self.libs, self.folder, self.heap_mb = node, libs, folder, heap_mb
        self.port, self.controller_port = free_port(), free_port()
        self.doors = [free_port() for _ in range(doors)]
        """The port of each door; what is announced in its place is said to ``format``."""
        self.process: subprocess.Popen[bytes] | None = None

    def format(self, voters: str, replicas: int, cluster_id: str, announced: list[int]) -> None:
        """Write the settings and format the data folder."""
        self.folder.mkdir()
        own = {"PLAINTEXT": self.port}
        names = [f"DOOR{number}" for number in range(len(self.doors))]
        bound = own | dict(zip(names, self.doors, strict=True))
        (self.folder / "server.properties").write_text(
            PROPERTIES.format(
                node=self.node,
                voters=voters,
                listeners=_addresses(bound),
                announced=_addresses(own | dict(zip(names, announced, strict=True))),
                protocols=",".join(f"{name}:PLAINTEXT" for name in bound),
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
        )
        subprocess.run(self._java(*tool), check=True, capture_output=True, timeout=START_SECONDS)

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
            tail = (self.folder / "log").read_text(errors="replace")[-2000:]
            msg = f"broker {self.node} ended with {self.process.returncode}: {tail}"
            raise RuntimeError(msg)

    def _java(self, *arguments: str) -> list[str]:
        options = (f"-Xmx{self.heap_mb}m", "-XX:+UseSerialGC", "-cp", f"{self.libs}/*")
        return ending_with_us("java", *options, *arguments)


def _addresses(ports: dict[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())


class JavaKafka(KafkaTopics):
    """A cluster of one or more brokers."""

    can_be_killed = True

    def __init__(
        self,
        brokers: int = 1,
        *,
        heap_mb: int = 512,
        doors: int = 0,
        announce: Callable[[int, int], int] = lambda _, port: port,
    ) -> None:
        """Bring the jars, format and start the brokers, and wait until they answer.

        Args:
            brokers: how many.
            heap_mb: the most memory of one's heap.
            doors: so many more listeners, at each broker.
            announce: the port to announce for a door, by its number and the port that it listens on.
        """
        libs = bring_jars()
        self.folder = Path(tempfile.mkdtemp(prefix="kafka-for-tests-"))
        nodes = range(1, brokers + 1)
        self.brokers = [Broker(node, libs, self.folder / str(node), heap_mb, doors) for node in nodes]
        self.replicas = min(3, brokers)
        super().__init__(",".join(f"127.0.0.1:{each.port}" for each in self.brokers))
        announced = [[announce(door, port) for door, port in enumerate(each.doors)] for each in self.brokers]
        self.doors = [
            ",".join(f"127.0.0.1:{port}" for port in ports) for ports in zip(*announced, strict=True)
        ]
        """The brokers' addresses, of each door."""
        try:
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
        for each, ports in zip(self.brokers, announced, strict=True):
            each.format(voters, self.replicas, cluster_id, ports)

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
        for each in self.brokers:
            each.send(signal.SIGCONT)
            each.end(signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)
