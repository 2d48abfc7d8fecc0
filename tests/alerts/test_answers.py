"""What alerts, dashboard and runbooks ask a running worker exports, and a real Prometheus answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.alerts.queries import Asked, asked_by_rules, everything_asked, grouped_by, selectors
from tests.alerts.rules import groups
from tests.support.samples import only_ci
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.alerts.conftest import Watched

pytestmark = [pytest.mark.slow, only_ci]

HOLD_SECONDS: Final = 60.0
# What Prometheus adds to each series.
OF_THE_TARGET: Final = {"namespace", "job", "worker", "pod", "instance"}
# Prometheus writes these itself.
ITS_OWN: Final = {"up"}
# Why nothing comes of it while two workers are well; by the metric, or by the place where it is asked.
EMPTY: Final = {
    "personalize_worker_hold_next_probe_seconds": "nothing is held",
    "personalize_worker_credentials_end_seconds": "the keys of the test never end",
    "panel Pods that are not ready": "both are ready",
    "page NotReady": "both are ready",
    "page PodNotReady": "both are ready",
    "page CredentialsEnd": "keys never fail and never end",
    "page Held": "nothing is held; the errors are there",
    "page KafkaTrouble": "there is none",
    "page KinesisTrouble": "there is none",
    "page LeasesLost": "none is lost",
    "page PartitionStandsStill": "none stands still",
    "page PartitionsLost": "none is lost",
}
# Known only once a minute was seen, which a busy machine may take anyhow.
LATER: Final = {
    "personalize_worker_desired_workers",
    "personalize_worker_arrival_records_per_second",
    "personalize_worker_cpu_used_ratio",
    "personalize_worker_quota_used_ratio",
}


def may_be_empty(asked: Asked) -> bool:
    return asked.place in EMPTY or any(each.metric in EMPTY.keys() | LATER for each in selectors(asked.expr))


def test_each_name_label_and_word_is_exported_by_a_running_worker(watched: Watched) -> None:
    recorded = {
        rule["record"]: grouped_by(rule["expr"])
        for group in groups()
        for rule in group["rules"]
        if "record" in rule
    }
    wrong = []
    for asked in everything_asked():
        known = set(OF_THE_TARGET)
        for each in selectors(asked.expr):
            if each.metric in ITS_OWN:
                continue
            labels = watched.labels.get(each.metric)
            if labels is None and each.metric not in {*recorded, *EMPTY, *LATER}:
                wrong.append((asked.place, each.metric))
                continue
            known |= set(labels or {}) | recorded.get(each.metric, set())
            for label, operator, value in each.matchers:
                if label in OF_THE_TARGET or value == "":
                    continue
                there = (labels or {}).get(label, set())
                words = value.split("|") if "~" in operator else [value]
                if label == "le":
                    words = words[:1] if words[0] in there else words[1:]
                wrong += [
                    (asked.place, f"{each.metric}: {label}={word}") for word in words if word not in there
                ]
        wrong += [(asked.place, label) for label in grouped_by(asked.expr) - known if not may_be_empty(asked)]
    assert wrong == []


def test_prometheus_evaluates_every_rule(watched: Watched) -> None:
    assert {
        rule["name"]: rule.get("lastError") for rule in watched.prometheus.rules() if rule["health"] != "ok"
    } == {}


def test_prometheus_finds_the_series_of_every_rule(watched: Watched) -> None:
    """An alert itself is empty while all is well, so each of its selectors is asked."""
    asked = {each.text: each.metric for rule in asked_by_rules() for each in selectors(rule.expr)}
    empty = [
        text for text, metric in asked.items() if metric not in EMPTY and not watched.prometheus.query(text)
    ]
    assert empty == []


def test_prometheus_answers_every_query_of_dashboard_and_runbooks(watched: Watched) -> None:
    empty = []
    for asked in everything_asked():
        answer = watched.prometheus.query(asked.expr)
        if not asked.place.startswith("rule") and not answer and not may_be_empty(asked):
            empty.append((asked.place, asked.expr))
    assert empty == []


def test_nothing_is_excused_that_has_an_answer(watched: Watched) -> None:
    idle = set(EMPTY)
    for asked in everything_asked():
        if not asked.place.startswith("rule") and not watched.prometheus.query(asked.expr):
            idle -= {asked.place, *(each.metric for each in selectors(asked.expr))}
    assert idle == set()


def test_no_alert_fires_while_all_is_well(watched: Watched) -> None:
    assert watched.prometheus.query('ALERTS{alertstate="firing"}') == []


def test_the_alert_of_a_hold_comes_and_goes_with_a_real_hold(watched: Watched) -> None:
    """It is the last test, for it disturbs the others. Until it fires, an alert is pending for minutes."""
    held = 'ALERTS{alertname="PersonalizeWorkerHeld",kind="misconfigured",worker="kafka"}'
    watched.endpoint.set_faults(refuse="AccessDeniedException")
    until(lambda: watched.prometheus.query(held), HOLD_SECONDS, what="the alert being pending")
    watched.endpoint.set_faults(refuse=None)
    until(lambda: not watched.prometheus.query(held), HOLD_SECONDS, what="the alert being over")
