"""The page docs/metrics.md, made by ``python -m worker.telemetry.reference > docs/metrics.md``."""

from __future__ import annotations

import sys

from worker.telemetry.definition import PREFIX, Definition
from worker.telemetry.definitions import DEFINITIONS

HEAD = f"""\
# Metrics

Answered at `/metrics` of the admin server. Every name begins with `{PREFIX}`; beside them are the usual
`process_*` and `python_gc_*`. No label ever holds anything from a record.

<!-- Made from worker/telemetry/definitions.py by `python -m worker.telemetry.reference`: change it there. -->

| name | kind | labels | what it says | what to do |
|---|---|---|---|---|
"""


def markdown() -> str:
    """The whole page."""
    return HEAD + "".join(map(_row, DEFINITIONS))


def _row(definition: Definition) -> str:
    labels = ", ".join(f"`{label}`" for label in definition.labels)
    cells = (f"`{definition.name}`", definition.kind, labels, definition.meaning, definition.action)
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
