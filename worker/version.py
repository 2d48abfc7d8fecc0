"""The version of this package, as ``pyproject.toml`` has it, which a test compares.

It stands here, too, because looking it up among the installed distributions would be a fortieth of a start.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
USER_AGENT: Final = f"personalize-worker/{VERSION}"
"""The product and its version, as HTTP names a client."""
