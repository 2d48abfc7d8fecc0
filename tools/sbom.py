"""Writes what the image installs, from uv.lock, as CycloneDX: ``python tools/sbom.py build/sbom.cdx.json``.

It is the same file each time for the same lock: uv's serial number is made of the components, and its time is
left out.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

PROJECT = Path(__file__).parents[1]
COMMAND = (
    *("export", "--locked", "--no-dev", "--all-extras", "--quiet"),
    *("--format", "cyclonedx1.5", "--preview-features", "sbom-export"),
)


def main(out: str) -> None:
    """Write it."""
    uv = os.environ.get("UV", str(PROJECT / ".venv/bin/uv"))
    told = subprocess.run([uv, *COMMAND], cwd=PROJECT, check=True, capture_output=True).stdout  # noqa: S603  ours
    bill = json.loads(told)
    parts = json.dumps([bill["components"], bill["dependencies"]], sort_keys=True).encode()
    bill["serialNumber"] = uuid.UUID(bytes=hashlib.sha256(parts).digest()[:16], version=4).urn
    bill["metadata"].pop("timestamp", None)
    place = Path(out)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n")
    print(f"{len(bill['components'])} components in {place}")


if __name__ == "__main__":
    main(*sys.argv[1:])
