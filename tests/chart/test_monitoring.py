"""What Prometheus and Grafana are given."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import yaml

from tests.chart.conftest import CHART

if TYPE_CHECKING:
    from tests.chart.conftest import Object, Objects


def test_the_alerts_select_what_the_monitors_make(objects: Objects) -> None:
    """Both make a job for each worker, of the labels of its pods."""
    for ci, kind, endpoints in (
        ("msk-iam", "PodMonitor", "podMetricsEndpoints"),
        ("several-workers", "ServiceMonitor", "endpoints"),
    ):
        rendered = objects(ci)
        (endpoint,) = rendered[kind, ""]["spec"][endpoints]
        job = next(each for each in endpoint["relabelings"] if each["targetLabel"] == "job")
        labels = [each.removeprefix("__meta_kubernetes_pod_label_") for each in job["sourceLabels"]]
        for name in (name for kind, name in rendered if kind == "Deployment"):
            pod = rendered["Deployment", name]["spec"]["template"]["metadata"]["labels"]
            made = {re.sub("[./-]", "_", key): value for key, value in pod.items()}
            value = job["separator"].join(made[each] for each in labels)
            text = json.dumps(rendered["PrometheusRule", name])
            assert f'{{job=\\"{value}\\",namespace=\\"streams\\"}}' in text
            assert "__" not in text


RULE = "PrometheusRule"


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


def saturated(rendered: dict[tuple[str, str], Object]) -> dict[str, str]:
    """What is summed for the quota's alert, by worker."""
    found = {}
    for (kind, name), each in rendered.items():
        rules = [rule for group in each["spec"]["groups"] for rule in group["rules"]] if kind == RULE else []
        for rule in rules:
            if rule.get("record") == "personalize_worker:quota_used:ratio":
                found[name] = rule["expr"].split("sum(personalize_worker:calls:rate10m")[1].split(")")[0]
    return found


def test_workers_of_one_tracker_share_a_quota_and_others_do_not(objects: Objects) -> None:
    both = '{job=~"release/clicks|release/purchases",namespace="streams"}'
    assert saturated(objects("several-workers")) == {"clicks": both, "purchases": both}
    apart = "workers: {purchases: {config: {personalize: {tracking_id: another}}}}"
    assert saturated(objects("several-workers", apart)) == {
        name: f'{{job="release/{name}",namespace="streams"}}' for name in ("clicks", "purchases")
    }
    said = """prometheusRule: {quotaSelector: 'job=~"a/b|c/d"'}"""
    assert set(saturated(objects("several-workers", said)).values()) == {'{job=~"a/b|c/d"}'}
    assert saturated(objects("msk-iam")) == {"": '{job="release/worker",namespace="streams"}'}


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
