"""Several workers from one release: each what it says, and the rest as the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from tests.chart.conftest import by_kind_and_name, pod_of

if TYPE_CHECKING:
    from tests.chart.conftest import Object, Objects, Template


def config_of(rendered: dict[tuple[str, str], Object], name: str) -> Object:
    """A worker's configuration."""
    return dict(yaml.safe_load(rendered["ConfigMap", name]["data"]["config.yaml"]))


def test_several_workers_differ_only_in_what_they_say(objects: Objects) -> None:
    rendered = objects("several-workers")
    clicks, purchases = config_of(rendered, "clicks"), config_of(rendered, "purchases")
    assert clicks["kafka"] == {
        "bootstrap_servers": "kafka.kafka:9092",
        "topics": ["clicks"],
        "group_id": "personalize-clicks",
    }
    assert (clicks["dead_letters"]["topic"], purchases["dead_letters"]["topic"]) == (
        "shop.dead-letters",
        "purchases.dead-letters",
    )
    # null is a value, and survives the merge.
    assert purchases["dead_letters"]["hold_after_unmappable"] is None
    assert rendered["Deployment", "clicks"]["spec"]["replicas"] == 4
    limits = pod_of(rendered["Deployment", "clicks"])["containers"][0]["resources"]
    assert limits == {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
    assert ("Deployment", "") not in rendered


def test_their_selectors_do_not_overlap(objects: Objects) -> None:
    rendered = objects("several-workers")
    for one, other in (("clicks", "purchases"), ("purchases", "clicks")):
        selector = rendered["Deployment", one]["spec"]["selector"]["matchLabels"].items()
        labels = rendered["Deployment", other]["spec"]["template"]["metadata"]["labels"].items()
        assert not selector <= labels


def test_a_worker_with_a_role_of_its_own_has_an_account_of_its_own(objects: Objects) -> None:
    rendered = objects("several-workers")
    assert {name for kind, name in rendered if kind == "ServiceAccount"} == {"", "purchases"}
    assert pod_of(rendered["Deployment", "clicks"])["serviceAccountName"] == "release-personalize-worker"
    assert pod_of(rendered["Deployment", "purchases"])["serviceAccountName"].endswith("-purchases")


def test_workers_without_one_share_the_account_of_the_release(objects: Objects) -> None:
    third = "workers: {views: {config: {kafka: {topics: [views], group_id: views}}}}"
    rendered = objects("several-workers", third)
    assert {name for kind, name in rendered if kind == "ServiceAccount"} == {"", "purchases"}
    assert {name for kind, name in rendered if kind == "Deployment"} == {"clicks", "purchases", "views"}


def test_names_of_objects_stay_within_what_kubernetes_takes(template: Template) -> None:
    name = "w" * 40
    values = f"{{fullnameOverride: {'f' * 63}, workers: {{{name}: {{}}}}}}"
    for each in by_kind_and_name(template("", values).stdout).values():
        assert len(each["metadata"]["name"]) <= 63
        assert each["metadata"]["name"][-1] != "-"
