"""Apache Kafka on this machine's Java: KRaft, one process a broker, its jars brought by Maven.

The jars stay in ``.cache/kafka`` of the project, the data in a temporary folder that goes with ``stop()``. A
broker's port stays the same over ``kill()`` and ``restart()``, as does its data. Every process is ended by
its pid, and dies with the process that started it where the system can see to that (``setpriv``).
"""

from __future__ import annotations

import base64
import fcntl
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Final

from tests.support.kafka_topics import KafkaTopics, NoKafka

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
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
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


def free_port() -> int:
    """Find a port of the loopback address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


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


def _java(libs: Path, *arguments: str) -> list[str]:
    """Word the command; on Linux the process dies with its parent, however that ends."""
    leash = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    return [*leash, "java", "-Xmx512m", "-XX:+UseSerialGC", "-cp", f"{libs}/*", *arguments]


class Broker:
    """One broker process with its folder and port."""

    def __init__(self, node: int, libs: Path, folder: Path) -> None:
        """Choose ports; nothing runs yet."""
        self.node, self.libs, self.folder = node, libs, folder
        self.port, self.controller_port = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def format(self, voters: str, replicas: int, cluster_id: str) -> None:
        """Write the settings and format the data folder."""
        self.folder.mkdir()
        (self.folder / "server.properties").write_text(
            PROPERTIES.format(
                node=self.node,
                voters=voters,
                port=self.port,
                controller_port=self.controller_port,
                folder=self.folder,
                replicas=replicas,
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
        subprocess.run(_java(self.libs, *tool), check=True, capture_output=True, timeout=START_SECONDS)

    def start(self) -> None:
        """Start the process; it is not up yet."""
        command = _java(self.libs, "kafka.Kafka", f"{self.folder}/server.properties")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

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


class JavaKafka(KafkaTopics):
    """A cluster of one or more brokers."""

    can_be_killed = True

    def __init__(self, brokers: int = 1) -> None:
        """Bring the jars, format and start the brokers, and wait until they answer."""
        libs = bring_jars()
        self.folder = Path(tempfile.mkdtemp(prefix="kafka-for-tests-"))
        self.brokers = [Broker(node, libs, self.folder / str(node)) for node in range(1, brokers + 1)]
        super().__init__(",".join(f"127.0.0.1:{each.port}" for each in self.brokers))
        try:
            self._format()
            self.restart()
        except BaseException:
            # Whatever went wrong, Ctrl-C included, no process may stay behind.
            self.stop()
            raise

    def _format(self) -> None:
        """Make the brokers one cluster."""
        # The first byte is set, for an id that begins with "-" would be taken for an option.
        cluster_id = base64.urlsafe_b64encode(b"k" + uuid.uuid4().bytes[1:]).rstrip(b"=").decode()
        voters = ",".join(f"{each.node}@127.0.0.1:{each.controller_port}" for each in self.brokers)
        for each in self.brokers:
            each.format(voters, min(3, len(self.brokers)), cluster_id)

    def kill(self, node: int = 1) -> None:
        """Crash a broker: SIGKILL."""
        self.brokers[node - 1].end(signal.SIGKILL)

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
            each.end(signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)
