"""The version that is installed. Looking it up reads the distribution's metadata, so that is done once."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

VERSION: Final = version("personalize-worker")
USER_AGENT: Final = f"personalize-worker/{VERSION}"
"""The product and its version, as HTTP names a client."""
