"""A Kubernetes control plane: etcd, API server, controllers, scheduler, and one node that kwok plays.

No container starts: a pod is said to run once it is scheduled. All else is real: admission, validation, pod
security, roll-outs. ``tools/build_kubernetes.sh`` makes the binaries.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.child_processes import ending_with_us
from tests.support.java_kafka import free_port
from tests.support.waiting import until

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

HOME: Final = Path(__file__).parents[2] / ".cache" / "control-plane"
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0
NODE: Final = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "name": "fake-0",
        "labels": {
            "kubernetes.io/hostname": "fake-0",
            "kubernetes.io/os": "linux",
            "topology.kubernetes.io/zone": "zone-a",
        },
    },
    "status": {
        "allocatable": {"cpu": "64", "memory": "256Gi", "pods": "110"},
        "capacity": {"cpu": "64", "memory": "256Gi", "pods": "110"},
    },
}


class ControlPlane:
    """Runs for as long as the ``with`` block; ``kubeconfig`` is a file for its administrator."""

    def __init__(self) -> None:
        """Choose a folder and ports; nothing runs yet."""
        self.folder = Path(tempfile.mkdtemp(prefix="control-plane-"))
        self.kubeconfig = self.folder / "kubeconfig"
        self._port, self._etcd_port, self._peer_port = free_port(), free_port(), free_port()
        self._token = secrets.token_hex(16)
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        """Start all, and return once the node is ready for pods."""
        try:
            self._write_files()
            self._start_api_server()
            self._start_controllers()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all."""
        self.stop()

    def stop(self) -> None:
        """End the processes, the last first, and remove the folder."""
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kubectl(self, *arguments: str | Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator."""
        command = [str(HOME / "bin/kubectl"), f"--kubeconfig={self.kubeconfig}", *map(str, arguments)]
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False)

    def _write_files(self) -> None:
        cluster = {"server": f"https://127.0.0.1:{self._port}", "insecure-skip-tls-verify": True}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": self._token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "current-context": "test",
        }
        self.kubeconfig.write_text(json.dumps(config))
        (self.folder / "tokens.csv").write_text(f"{self._token},admin,admin,system:masters\n")
        self._openssl("genrsa", "-out", "sa.key", "2048")
        self._openssl("rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub")

    def _openssl(self, *arguments: str) -> None:
        command = [shutil.which("openssl") or "openssl", *arguments]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)

    def _start_api_server(self) -> None:
        self._run(
            "etcd",
            "--data-dir=etcd",
            f"--listen-client-urls=http://127.0.0.1:{self._etcd_port}",
            f"--advertise-client-urls=http://127.0.0.1:{self._etcd_port}",
            f"--listen-peer-urls=http://127.0.0.1:{self._peer_port}",
            "--unsafe-no-fsync",
        )
        self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            "--cert-dir=certificates",
            "--token-auth-file=tokens.csv",
            "--service-account-key-file=sa.pub",
            "--service-account-signing-key-file=sa.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
        )
        until(self._answers, START_SECONDS, what="the API server being ready")

    def _start_controllers(self) -> None:
        access = [f"--{each}={self.kubeconfig}" for each in _KUBECONFIGS]
        serving = ["--leader-elect=false", "--bind-address=127.0.0.1", "--cert-dir=certificates"]
        for name, own in (
            ("kube-controller-manager", ["--service-account-private-key-file=sa.key"]),
            ("kube-scheduler", []),
        ):
            self._run(name, *access, *serving, f"--secure-port={free_port()}", *own)
        stages = [f"--config={each}" for each in sorted((HOME / "stages").glob("*.yaml"))]
        self._run(
            "kwok",
            f"--kubeconfig={self.kubeconfig}",
            "--manage-all-nodes",
            "--node-lease-duration-seconds=40",
            *stages,
        )
        self.kubectl("apply", "-f", "-", given=json.dumps(NODE))
        until(self._has_a_node, START_SECONDS, what="the node being ready")

    def _answers(self) -> bool:
        self._complain_if_one_is_dead()
        return self.kubectl("get", "--raw", "/readyz").returncode == 0

    def _has_a_node(self) -> bool:
        self._complain_if_one_is_dead()
        waited = self.kubectl("wait", "--for=condition=Ready", "node/fake-0", "--timeout=1s")
        account = self.kubectl("-n", "default", "get", "serviceaccount", "default")
        return waited.returncode == 0 and account.returncode == 0

    def _run(self, name: str, *arguments: str) -> None:
        command = ending_with_us(str(HOME / "bin" / name), *arguments)
        with (self.folder / f"{name}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            )

    def _complain_if_one_is_dead(self) -> None:
        for process in self._processes:
            if process.poll() is not None:
                logs = sorted(self.folder.glob("*.log"))
                said = "; ".join(f"{each.name}: {each.read_text(errors='replace')[-300:]}" for each in logs)
                raise RuntimeError(
                    f"one of the control plane's processes ended with {process.returncode}: {said}"
                )


_KUBECONFIGS: Final = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")


def is_built() -> bool:
    """Whether ``make control-plane`` has been run here."""
    return os.access(HOME / "bin" / "kwok", os.X_OK) and (HOME / "stages").is_dir()
