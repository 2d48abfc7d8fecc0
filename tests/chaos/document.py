"""The page that the docs carry: a section for each protocol, each from one run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.chaos.report import HEAD, table

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tests.chaos.run import Outcome

TITLES: Final = {
    "classic": "The classic protocol, cooperative and eager",
    "consumer": "The consumer protocol (KIP-848)",
}


@dataclass(frozen=True)
class Section:
    """What one run came to."""

    outcome: Outcome
    protocol: str
    seed: int
    minutes: float
    versions: dict[str, str]
    at: datetime

    @property
    def title(self) -> str:
        """Its heading."""
        return f"## {TITLES[self.protocol]}"

    def text(self) -> str:
        """In Markdown, the heading first."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        head = f"{self.at:%-d %B %Y}, {self.minutes:g} minutes, seed {self.seed}. {versions}."
        return f"{self.title}\n\n{head}\n\n{self._totals()}\n\n{self._faults()}\n"

    def _faults(self) -> str:
        return table(HEAD, self.outcome.report.rows())

    def _totals(self) -> str:
        figures, report = self.outcome.figures, self.outcome.report
        summary, audit = figures.summary, figures.audit
        rows = (
            ("records", f"{len(figures.records):,}"),
            ("cut away by Kafka, in unclean elections", f"{self.outcome.cut:,}"),
            ("passed by, the cut not being known to a new owner", f"{self.outcome.passed_by:,}"),
            ("deleted by Kafka before they were read", f"{self.outcome.deleted_unread:,}"),
            ("events accepted", f"{len(figures.accepted):,}"),
            ("accepted once more, under the same id", f"{len(report.accepted.repeats):,}"),
            ("dead letters, each with its reason", f"{len({each.place for each in figures.letters}):,}"),
            (
                "written more than once",
                f"{len(figures.letters) - len({each.place for each in figures.letters}):,}",
            ),
            ("calls", f"{summary.calls:,}"),
            ("refused, failed or throttled", f"{summary.calls - summary.accepted_calls:,}"),
            ("accepted, the answer lost", f"{figures.lost_answers:,}"),
            (
                "a call while the same worker's last of that session was still there",
                f"{self.outcome.twice_at_a_door:,}",
            ),
            ("commits, by Kafka's own log", f"{self.outcome.commits:,}"),
            ("ahead of what was settled", f"{len(self.outcome.ahead):,}"),
            ("below an earlier one", f"{self.outcome.backwards:,}"),
            ("**lost**", f"**{len(audit.lost):,}**"),
            ("**out of order within a session**", f"**{len(audit.out_of_order):,}**"),
            ("ids that no record has", f"{len(audit.unknown):,}"),
            ("workers that ended unasked, or wrongly", f"{len(self.outcome.complaints):,}"),
            ("longest drain", f"{report.longest_drain():.1f} s"),
            ("longest stall until the first acceptance", f"{report.longest_stall():.1f} s"),
            ("longest stall until every partition had one", f"{report.longest_stall_everywhere():.1f} s"),
        )
        return table(("In all", ""), rows)


def write_section(page: Path, section: Section) -> None:
    """Put it in place of the page's section of that protocol, or at the end."""
    introduction, *sections = re.split(r"(?m)^(?=## )", page.read_text())
    others = [each for each in sections if not each.startswith(section.title)]
    page.write_text(
        "\n\n".join(each.strip() for each in (introduction, *sorted([*others, section.text()]))) + "\n"
    )
