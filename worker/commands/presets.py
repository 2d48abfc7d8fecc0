"""``personalize-worker presets``: lists the ready-made mappings, or prints one of them to be copied."""

from __future__ import annotations

import sys

from worker.config.names import did_you_mean, nearest
from worker.config.presets import preset_names, read_preset
from worker.runtime.exit_codes import ExitCode

_HOW = """\

To use one: record: {mapping: {preset: NAME}}; a field that is given besides it replaces the preset's.
`personalize-worker presets NAME` prints one with its comments, to be copied.
"""


def show_presets(name: str | None) -> ExitCode:
    """Print the list, or the preset of that name as a section ``record``."""
    names = preset_names()
    if name is None:
        wide = max(map(len, names))
        sys.stdout.writelines(f"{each:<{wide}}  {read_preset(each).title}\n" for each in names)
        sys.stdout.write(_HOW)
        return ExitCode.OK
    if name not in names:
        advice = did_you_mean(nearest(name, names)) or "; `personalize-worker presets` lists them"
        sys.stderr.write(f"personalize-worker: no such preset{advice}\n")
        return ExitCode.MISCONFIGURED
    sys.stdout.write(read_preset(name).as_section())
    return ExitCode.OK
