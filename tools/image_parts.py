"""Measures what the image adds to its base: ``python tools/image_parts.py FOLDER > docs/image.md``.

FOLDER is where the environment is made as the Dockerfile makes it: by uv, from the lock, with byte code,
and then without what tools/leave_out.py leaves out.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import leave_out

PROJECT = Path(__file__).parents[1]
SYNC = ("sync", "--locked", "--no-dev", "--all-extras", "--no-editable", "--quiet")
ENVIRONMENT = {
    "UV_COMPILE_BYTECODE": "1",
    "PYC_INVALIDATION_MODE": "UNCHECKED_HASH",
    "UV_LINK_MODE": "copy",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_SYSTEM_CERTS": "1",
}
SAME = {"_yaml": "yaml", "PyYAML": "yaml", "pyyaml": "yaml", "personalize_worker": "worker"}
SMALL_KB = 300
KINDS = ("code", "byte code", "binaries", "data")
HEAD = """\
# The image, by part

<!-- Made by `make image-parts`. -->

What the image adds to its base, `/app`: an environment that uv makes from the lock. Measured with Python
{python} on {machine}, in MB of 1,000,000 bytes, by the files' own lengths. *Before* is all that is locked;
*in the image* is what [tools/leave_out.py](../tools/leave_out.py) leaves of it.

| part | code | byte code | binaries | data | before | in the image |
|---|---:|---:|---:|---:|---:|---:|
"""
TAIL = """
- **Binaries** are the locked ones, untouched: without its debug information uvloop's would be 2 MB instead
  of 16, but then what is installed would not be what was locked by hash.
- **Byte code** is made when the image is built, since a root that cannot be written takes none later, and a
  start without it takes twice the CPU: 2.1 s instead of 1.1 to import the worker and boto3.
- **botocore's models** of services that nothing here calls are left out: {gone} folders. A test reads in
  botocore's own code which services its chain of credentials calls, so that a new one is noticed when it is
  locked and not in production; and asks for endpoint and credentials of each kept service in an
  installation without the others.
- **No pip, no uv, no compiler** are in `/app`. The base image has a pip of its own: to remove it in a later
  layer would hide it and save nothing. Nothing in the image uses it.
- **Tests of packages** came with one wheel only, some kilobytes.
- **As a whole**, built with buildah on 28 November 2026: 77 MB above its base before, 56 MB after; that was
  without what traces take, 7 MB. It ran with a read-only root, as uid 54321, without privileges:
  `--version` in 0.6 s, and the demo.
- **Twice the same**: from one commit on one platform, every file of `/app` is the same, byte code too,
  which names no time.

The base is named in one place, `ARG PYTHON_IMAGE` in the [Dockerfile](../Dockerfile), with its digest.
Renovate puts the digest in and renews it, and a release is refused as long as there is none. What goes into
`/app` comes from `uv.lock`, by hash; `make sbom` lists it as CycloneDX.
"""


def kind(file: Path) -> str:
    """What a file is to Python."""
    if file.suffix == ".py":
        return "code"
    if file.suffix == ".pyc":
        return "byte code"
    return "binaries" if ".so" in file.suffixes else "data"


def part(relative: Path) -> str:
    """The package that a file belongs to; what it brings beside itself is its own too."""
    first = relative.parts[0]
    if first == "__pycache__":
        return "single modules"
    name = re.sub(r"(-[\d.]+(post\d+)?\.(dist-info|data)|\.libs|-nspkg\.pth)$", "", first)
    name = re.sub(r"-\d.*\.dist-info$", "", name)
    return {"_yaml": "yaml", "PyYAML": "yaml", "pyyaml": "yaml", "personalize_worker": "worker"}.get(
        name, name
    )


def sizes(packages: Path) -> dict[str, dict[str, int]]:
    """Bytes by package and kind."""
    found: dict[str, dict[str, int]] = {}
    for file in packages.rglob("*"):
        if file.is_file() and not file.is_symlink():
            of = found.setdefault(part(file.relative_to(packages)), dict.fromkeys(KINDS, 0))
            of[kind(file)] += file.stat().st_size
    return found


def make(folder: Path) -> Path:
    """Make the environment, and return its packages."""
    uv = os.environ.get("UV", str(PROJECT / ".venv/bin/uv"))
    environment = {**os.environ, **ENVIRONMENT, "UV_PROJECT_ENVIRONMENT": str(folder.absolute())}
    environment.pop("VIRTUAL_ENV", None)
    subprocess.run([uv, *SYNC], cwd=PROJECT, env=environment, check=True)  # noqa: S603  ours
    (packages,) = folder.glob("lib/python3*/site-packages")
    return packages


def megabytes(count: int) -> str:
    """With one digit after the point; nothing for nothing."""
    return f"{count / 1e6:.1f}" if count else ""


def row(name: str, was: dict[str, int], now: dict[str, int]) -> str:
    """One line of the table."""
    before, after = sum(was.values()), sum(now.values())
    cells = [name, *(megabytes(now[each]) for each in KINDS), megabytes(before), megabytes(after)]
    return f"| {' | '.join(cells)} |\n"


def total(rows: list[dict[str, int]]) -> dict[str, int]:
    """The sums by kind."""
    return {each: sum(of[each] for of in rows) for each in KINDS}


def page(before: dict[str, dict[str, int]], after: dict[str, dict[str, int]], gone: int, python: str) -> str:
    """The whole page."""
    text = HEAD.format(python=python, machine=platform.machine())
    order = sorted(before, key=lambda name: -sum(before[name].values()))
    large = [name for name in order if sum(before[name].values()) >= SMALL_KB * 1000]
    small = [name for name in order if name not in large]
    for name in large:
        text += row(f"`{name}`", before[name], after[name])
    text += row(f"{len(small)} smaller", *(total([of[name] for name in small]) for of in (before, after)))
    text += row("**all**", total(list(before.values())), total(list(after.values())))
    return text + TAIL.format(gone=gone)


def main(folder: str) -> None:
    """Make, measure, leave out, measure again, and print the page."""
    packages = make(Path(folder))
    before = sizes(packages)
    gone = leave_out.unused(packages)
    nothing = dict.fromkeys(KINDS, 0)
    for each in gone:
        subprocess.run(["rm", "-r", str(each)], check=True)  # noqa: S603, S607  ours
    after = dict.fromkeys(before, nothing) | sizes(packages)
    print(page(before, after, len(gone), packages.parent.name.removeprefix("python")), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
