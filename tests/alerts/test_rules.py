"""Each alert fires on one recorded series at least, and is silent on another one that comes near."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.alerts.rules import FILES, PREFIX, RECORDED, RUNBOOKS, alerts, groups, rules_text, tool

if TYPE_CHECKING:
    from pathlib import Path

FILES_OF_SERIES = sorted(RECORDED.glob("*.yaml"))
NAMES = sorted({rule["alert"] for rule in alerts()})


def write_rules(folder: Path, changed: dict[str, str] | None = None) -> None:
    """Write the rules of each group into a file of its own: a test of few of them takes a fraction."""
    for group in groups():
        for rule in group["rules"]:
            rule["expr"] = (changed or {}).get(rule.get("alert", ""), rule["expr"])
        name = group["name"].removeprefix("personalize-worker.")
        (folder / f"rules.{name}.yaml").write_text(yaml.safe_dump({"groups": [group]}))


def promtool(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [tool("promtool"), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def series() -> list[dict[str, Any]]:
    return [each for file in FILES_OF_SERIES for each in yaml.safe_load(file.read_text())["tests"]]


def expectations() -> list[tuple[str, list[dict[str, Any]]]]:
    return [(rule["alertname"], rule["exp_alerts"]) for each in series() for rule in each["alert_rule_test"]]


def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(rules_text())
    ended = promtool(tmp_path, "check", "rules", "rules.yaml")
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("file", FILES_OF_SERIES, ids=lambda file: file.stem)
def test_alerts_fire_and_are_silent_as_recorded(file: Path, tmp_path: Path) -> None:
    write_rules(tmp_path)
    (tmp_path / file.name).write_text(file.read_text())
    ended = promtool(tmp_path, "test", "rules", file.name)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_an_alert_that_never_fires_is_found(tmp_path: Path) -> None:
    write_rules(tmp_path, {"PersonalizeWorkerThrottled": "vector(0) > 1"})
    (tmp_path / "quota.yaml").write_text((RECORDED / "quota.yaml").read_text())
    ended = promtool(tmp_path, "test", "rules", "quota.yaml")
    assert ended.returncode == 1
    assert "Throttled: for more than ten minutes" in ended.stdout + ended.stderr


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_is_recorded_firing_and_silent(name: str) -> None:
    expected = [fired for alert, fired in expectations() if alert == name]
    assert any(expected)
    assert not all(expected)


def test_each_rule_of_an_alert_fires_somewhere() -> None:
    """Those of one name differ in their severity or window."""
    fired = [each["exp_labels"] | {"alert": name} for name, found in expectations() for each in found]
    for rule in alerts():
        own = {"alert": rule["alert"], **rule["labels"]}
        assert any(own.items() <= each.items() for each in fired), own


def test_only_alerts_that_exist_are_recorded() -> None:
    assert {name for name, _ in expectations()} == set(NAMES)
    for each in series():
        name = each["alert_rule_test"][0]["alertname"].removeprefix(PREFIX)
        assert each["name"].startswith(f"{name}: ")


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_each_alert_says_how_urgent_it_is_what_is_wrong_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["alert"].startswith(PREFIX)
    assert rule["labels"]["severity"] in {"page", "ticket"}
    texts = rule["annotations"]
    assert texts["summary"][0].isupper()
    assert texts["description"].endswith(".")
    # What to do first, for a pager that shows some lines and opens no link.
    assert texts["action"].endswith(".")
    assert 40 < len(texts["action"]) < 140
    assert texts["runbook_url"] == f"{RUNBOOKS}/{rule['alert'].removeprefix(PREFIX)}.md"


def test_every_rule_looks_only_at_one_worker() -> None:
    """Several releases may load these rules side by side."""
    for group in yaml.safe_load((FILES / "alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            selectors = rule["expr"].count("{")
            own, shared = rule["expr"].count("__SELECTOR__"), rule["expr"].count("__QUOTA__")
            assert selectors == own + shared, rule
            assert own, rule
