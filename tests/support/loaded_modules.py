"""``python -m tests.support.loaded_modules run ...``: the worker, which at its end says what it has loaded.

Its last line is ``{"modules": [...], "collects": true}``: what is imported, and whether garbage is collected.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import NoReturn

_end = os._exit  # how ``run`` ends its process


def _say_and_end(code: int) -> NoReturn:
    # Past the log, which is drained by now; and with nothing imported for it.
    told = {"modules": sorted(sys.modules), "collects": gc.isenabled()}
    os.write(2, f"\n{json.dumps(told)}\n".encode())
    _end(code)


if __name__ == "__main__":
    from worker.cli import main

    os._exit = _say_and_end
    sys.exit(main())
