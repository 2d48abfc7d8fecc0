"""Certificates of our own, made with openssl and keytool; and how Kubernetes mounts them."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PASSWORD = "changeit"  # noqa: S105  of stores that hold nothing but what tests made
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


def can_be_made() -> bool:
    """Whether this machine has what makes them."""
    return all(shutil.which(tool) for tool in ("openssl", "keytool", "javac"))


def run(*words: str | Path) -> str:
    """Run a command to its end and return what it says."""
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout


class Authority:
    """Signs certificates."""

    def __init__(self, folder: Path, name: str) -> None:
        """Make its own."""
        folder.mkdir(exist_ok=True)
        self.folder, self.name = folder, name
        self.key, self.certificate = folder / f"{name}.key", folder / f"{name}.crt"
        subject = ("-subj", f"/CN={name}", "-addext", "keyUsage=keyCertSign,digitalSignature")
        run("openssl", "req", "-x509", *_KEY, *subject, "-keyout", self.key, "-out", self.certificate)

    def sign(self, name: str) -> tuple[Path, Path]:
        """Make a certificate for 127.0.0.1 and return it with its key."""
        base = self.folder / f"{name}-by-{self.name}"
        key, asked, signed = (base.with_suffix(end) for end in (".key", ".csr", ".crt"))
        run("openssl", "req", *_KEY[:-2], "-subj", f"/CN={name}", "-keyout", key, "-out", asked)
        extensions = base.with_suffix(".ext")
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        by = ("-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", "2")
        run("openssl", "x509", "-req", "-in", asked, *by, "-extfile", extensions, "-out", signed)
        return signed, key


def write_key_store(store: Path, signed: Path, key: Path) -> None:
    """Write a certificate and its key as Java reads them, whole or not at all."""
    partial = store.with_suffix(".partial")
    out = ("-passout", f"pass:{PASSWORD}", "-out", partial)
    run("openssl", "pkcs12", "-export", "-name", "broker", "-in", signed, "-inkey", key, *out)
    partial.rename(store)


def write_trust_store(store: Path, authorities: Sequence[Authority]) -> None:
    """Write whom to trust, as Java reads it."""
    partial = store.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    for each in authorities:
        of = ("-importcert", "-noprompt", "-alias", each.name, "-file", each.certificate)
        run("keytool", *of, "-keystore", partial, "-storetype", "PKCS12", "-storepass", PASSWORD)
    partial.rename(store)


class Mounted:
    """A Secret as the kubelet mounts it: links to links, of which one is swapped."""

    def __init__(self, folder: Path, files: Mapping[str, str | Path]) -> None:
        """Mount these."""
        self.folder, self._version = folder, 0
        folder.mkdir()
        self.swap(files)
        for name in files:
            (folder / name).symlink_to(f"..data/{name}")

    def __getitem__(self, name: str) -> str:
        """Return the path of a file, which stays the same."""
        return str(self.folder / name)

    def swap(self, files: Mapping[str, str | Path]) -> None:
        """Mount another version: the content of files, or text."""
        self._version += 1
        version = self.folder / f"..version-{self._version}"
        version.mkdir()
        for name, content in files.items():
            text = content if isinstance(content, str) else content.read_text()
            (version / name).write_text(text)
        (self.folder / "..data_tmp").symlink_to(version.name)
        os.rename(self.folder / "..data_tmp", self.folder / "..data")  # noqa: PTH104  it replaces a link
