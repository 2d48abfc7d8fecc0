"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# A busy machine makes no test wrong: speed is measured by benchmarks/, not here.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
