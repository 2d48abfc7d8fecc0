"""What stands around the pod: network, secrets, the check."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

import pytest

from tests.chart.conftest import pod_of

if TYPE_CHECKING:
    from tests.chart.conftest import Object, Objects, Template


def egress(rendered: dict[tuple[str, str], Object]) -> list[tuple[set[int], object]]:
    """Ports and peers of each rule out."""
    rules = rendered["NetworkPolicy", ""]["spec"]["egress"]
    return [({port["port"] for port in rule["ports"]}, rule.get("to")) for rule in rules]


def test_out_go_dns_aws_brokers_and_registry_alone(objects: Objects) -> None:
    vpc = [{"ipBlock": {"cidr": "10.0.0.0/16"}}]
    agent = [{"ipBlock": {"cidr": "169.254.170.23/32"}}, {"ipBlock": {"cidr": "fd00:ec2::23/128"}}]
    assert egress(objects("msk-iam")) == [({53}, None), ({443}, None), ({80}, agent), ({9098}, vpc)]
    registry = "{networkPolicy: {enabled: true, podIdentity: false}, config: {schema_registry: {url: [http://r:8081]}}}"
    assert egress(objects("confluent-cloud", registry)) == [
        ({53}, None),
        ({443}, None),
        ({9092}, None),
        ({8081}, None),
    ]


@pytest.mark.parametrize(
    ("address", "port"),
    [("http://r", 80), ("https://r", 443), ("http://r:8081", 8081), ("https://[::1]", 443)],
)
def test_a_registry_without_a_port_has_that_of_its_scheme(objects: Objects, address: str, port: int) -> None:
    config = f"config: {{schema_registry: {{url: ['{address}']}}}}"
    assert egress(objects("", f"{{networkPolicy: {{enabled: true}}, {config}}}"))[-1] == ({port}, None)


def test_in_come_only_the_metrics(objects: Objects) -> None:
    policy = objects("strimzi-mtls")["NetworkPolicy", ""]["spec"]
    (rule,) = policy["ingress"]
    assert rule["ports"] == [{"port": 9090, "protocol": "TCP"}]
    assert rule["from"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]


def test_a_secret_is_mounted_where_the_worker_is_told(objects: Objects) -> None:
    """From an existing Secret, from the External Secrets operator, and inline."""
    rendered = objects("everything")
    pod = pod_of(rendered["Deployment", ""])
    container = pod["containers"][0]
    told = {each["value"] for each in container["env"] if each["name"].endswith("_FILE")}
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    sources = next(each for each in pod["volumes"] if each["name"] == "secrets")["projected"]["sources"]
    assert {f"{mounts['secrets']}/{each['secret']['items'][0]['path']}" for each in sources} == told
    assert {(each["secret"]["name"], each["secret"]["items"][0]["key"]) for each in sources} == {
        ("kafka-login", "password"),
        ("streams-worker-external", "KAFKA__CLIENT__SASL_USERNAME"),
        ("streams-worker-inline", "KAFKA__CLIENT__SSL_KEY_PASSWORD"),
    }
    assert rendered["ExternalSecret", "external"]["spec"]["target"]["name"] == "streams-worker-external"
    (text,) = rendered["Secret", "inline"]["data"].values()
    assert b64decode(text) == b"for a trial"


def test_without_tests_nothing_is_a_hook(template: Template) -> None:
    """What plain kubectl applies."""
    text = template("everything", "", "--skip-tests").stdout
    assert "helm.sh/hook" not in text
    assert "helm.sh/hook" in template("everything").stdout


def test_helm_test_runs_check_with_what_the_worker_has(objects: Objects) -> None:
    rendered = objects("keda-lag")
    check, worker = (
        rendered["Pod", "check"]["spec"],
        pod_of(rendered["Deployment", ""]),
    )
    assert check["containers"][0]["args"] == ["check", "--config", "/etc/personalize-worker/config.yaml"]
    for key in ("env", "image", "volumeMounts", "securityContext"):
        assert check["containers"][0][key] == worker["containers"][0][key]
    assert (check["volumes"], check["serviceAccountName"]) == (
        worker["volumes"],
        worker["serviceAccountName"],
    )
