"""Every query that alerts, dashboard and runbooks ask, and what it names."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tests.alerts.rules import FILES, PAGES, groups

if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCE: Final = re.compile(r"^```promql\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SELECTOR: Final = re.compile(
    r"\b((?:personalize_worker|process|python_gc)[a-z0-9_:]+|up)\b(?!\s*\()(\{[^}]*\})?"
)
_MATCHER: Final = re.compile(r'([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING: Final = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
# What Grafana puts in.
_VARIABLES: Final = {
    "$__rate_interval": "1m",
    "$__range": "1m",
    "$namespace": ".*",
    "$job": ".*",
    "$worker": ".*",
    "$pod": ".*",
}


class Asked(Struct, frozen=True):
    """One query, and where it stands."""

    place: str
    expr: str


class Selector(Struct, frozen=True):
    """The series that a query picks out."""

    text: str
    metric: str
    matchers: tuple[tuple[str, str, str], ...]
    """Label, operator, value."""


def asked_by_rules() -> Iterator[Asked]:
    """The expressions of all rules."""
    for group in groups():
        for rule in group["rules"]:
            yield Asked(f"rule {rule.get('alert') or rule['record']}", " ".join(rule["expr"].split()))


def asked_by_dashboard() -> Iterator[Asked]:
    """The queries of all panels, as Grafana sends them when everything is chosen."""
    for panel in dashboard()["panels"]:
        for each in (panel, *panel.get("panels", ())):
            for target in each.get("targets", ()):
                yield Asked(f"panel {each['title']}", filled(target["expr"]))


def asked_by_pages() -> Iterator[Asked]:
    """The lines of all blocks of PromQL in the runbooks."""
    for page in sorted(PAGES.glob("*.md")):
        for block in _FENCE.findall(page.read_text()):
            yield from (Asked(f"page {page.stem}", line) for line in block.splitlines())


def everything_asked() -> list[Asked]:
    """All queries."""
    return [*asked_by_rules(), *asked_by_dashboard(), *asked_by_pages()]


def dashboard() -> Any:
    """The dashboard as it is in the chart."""
    return json.loads((FILES / "dashboard.json").read_text())


def filled(expr: str) -> str:
    """The expression with Grafana's variables replaced."""
    for name, value in _VARIABLES.items():
        expr = expr.replace(name, value)
    return expr


def selectors(expr: str) -> list[Selector]:
    """The series that it picks out, metric by metric."""
    found = []
    for metric, braces in _SELECTOR.findall(expr):
        matchers = tuple(_MATCHER.findall(braces))
        found.append(Selector(f"{metric}{braces}", metric, matchers))
    return found


def grouped_by(expr: str) -> set[str]:
    """The labels that it groups or joins by."""
    return {each.strip() for labels in _GROUPING.findall(expr) for each in labels.split(",") if each.strip()}
