"""Memory that is free is the system's again."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

# The second hundred is where glibc would keep it: the first taught it that blocks of 1 MB come and go.
PROGRAM = """
from pathlib import Path
from worker.malloc import give_back_large_blocks

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

give_back_large_blocks()
before = resident_mb()
for _ in range(2):
    blocks = [b"%01000000d" % number for number in range(100)]
    del blocks[:-1]
print(resident_mb() - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="only glibc keeps large blocks")
def test_large_blocks_are_given_back_when_they_are_free() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 10
