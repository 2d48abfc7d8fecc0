"""``python -m tests.support.loaded_modules run ...``: the worker, which at its end says what it has loaded.

Its last line is ``{"modules": [...]}``.
"""

from __future__ import annotations

import json
import os
import sys
from typing import NoReturn

_end = os._exit  # how ``run`` ends its process


def _say_and_end(code: int) -> NoReturn:
    # Past the log, which is drained by now; and with nothing imported for it.
    os.write(2, f"\n{json.dumps({'modules': sorted(sys.modules)})}\n".encode())
    _end(code)


if __name__ == "__main__":
    from worker.cli import main

    os._exit = _say_and_end
    sys.exit(main())
