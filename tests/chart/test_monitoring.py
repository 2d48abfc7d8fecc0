"""What Prometheus and Grafana are given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

from tests.chart.conftest import CHART

if TYPE_CHECKING:
    from tests.chart.conftest import Object, Objects


def test_the_alerts_select_what_the_monitors_make(objects: Objects) -> None:
    """Both take the job from the release's label, which pods and Service have."""
    for ci, kind in (("msk-iam", "PodMonitor"), ("several-workers", "ServiceMonitor")):
        rendered = objects(ci)
        assert rendered[kind, ""]["spec"]["jobLabel"] == "app.kubernetes.io/instance"
        text = json.dumps(rendered["PrometheusRule", ""])
        assert "__" not in text.replace("__name__", "")
        assert 'job=\\"release\\",namespace=\\"streams\\"' in text
    assert objects("several-workers")["Service", ""]["metadata"]["labels"]["app.kubernetes.io/instance"]


def alerts(rendered: dict[tuple[str, str], Object]) -> dict[str, Object]:
    """The alerts, by name; of several by one name the last."""
    groups = rendered["PrometheusRule", ""]["spec"]["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_every_alert_of_the_file_is_in_the_rule_and_can_be_changed(objects: Objects) -> None:
    file = yaml.safe_load((CHART / "files/alerts.yaml").read_text())
    written = [rule["alert"] for group in file["groups"] for rule in group["rules"] if "alert" in rule]
    assert alerts(objects("msk-iam")).keys() == set(written)

    off, changed = written[0], written[-1]
    rules = f"{{{off}: {{enabled: false}}, {changed}: {{for: 77m, labels: {{severity: page}}}}}}"
    found = alerts(objects("msk-iam", f"prometheusRule: {{rules: {rules}, ruleLabels: {{team: a}}}}"))
    assert found.keys() == set(written) - {off}
    assert found[changed]["for"] == "77m"
    assert found[changed]["labels"].items() >= {"severity": "page", "team": "a"}.items()


def test_an_alert_links_to_its_page(objects: Objects) -> None:
    for rule in alerts(objects("everything")).values():
        assert rule["annotations"]["runbook_url"].startswith("https://runbooks.example/personalize-worker/")
        # Prometheus's own templates are left as they are.
        assert "{{" not in rule["annotations"]["runbook_url"]


def test_the_dashboard_is_there_byte_for_byte(objects: Objects) -> None:
    config_map = objects("several-workers")["ConfigMap", "dashboard"]
    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    (text,) = config_map["data"].values()
    assert json.loads(text) == json.loads((CHART / "files/dashboard.json").read_text())
