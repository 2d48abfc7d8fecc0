"""The status page as one document, from the worker's status and its last ten minutes.

It needs no script: without one, the browser loads it anew every few seconds. With one, it is fetched in the
background, and what differs is changed in place. So whatever is shown is written here, and only here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from worker.status.page import clock
from worker.status.web.figures import figures
from worker.status.web.limits import limits
from worker.status.web.markup import Markup, element
from worker.status.web.tables import dead_letters, partitions
from worker.status.web.verdict import verdict, verdict_section
from worker.status.words import ago, amount, wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.core.model.worker_status import WorkerStatus
    from worker.status.history import Sample
    from worker.status.levels import Level

# For a browser without scripts; a page that is loaded anew loses its place.
_RELOAD_SECONDS: Final = 5
_NAME: Final = "personalize-worker"


def document(status: WorkerStatus, samples: Sequence[Sample], epoch_seconds: float) -> str:
    """Return the page.

    Args:
        status: the status now.
        samples: the last minutes, the last of them now.
        epoch_seconds: the wall clock.
    """
    shown = verdict(status, samples)
    body = element(
        "body",
        element("a.skip", "To the status", href="#state"),
        _banner(status, epoch_seconds),
        element(
            "main",
            verdict_section(shown),
            figures(status, samples),
            limits(status),
            partitions(status),
            dead_letters(status),
            _facts(status),
        ),
        _footer(),
        class_=shown.level,
    )
    head = _head(f"{shown.word} · {status.group}", shown.level)
    return f"<!doctype html>\n{element('html', head, body, lang='en', data_version=status.version)}\n"


def _head(title: str, level: Level) -> Markup:
    # All addresses are relative: the page may stand behind a proxy that gives it a path.
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name_="color-scheme", content="light dark"),
        element("title", title),
        element("link", rel="icon", href=f"icon-{level}.svg", type="image/svg+xml", id="icon"),
        element("link", rel="stylesheet", href="page.css"),
        element("script", src="page.js", defer=""),
        element("noscript", element("meta", http_equiv="refresh", content=str(_RELOAD_SECONDS))),
    )


def _banner(status: WorkerStatus, epoch_seconds: float) -> Markup:
    at = datetime.fromtimestamp(epoch_seconds, UTC)
    is_kinesis = status.source == "kinesis"
    return element(
        "header",
        element(
            "p.name",
            element("strong", _NAME),
            element(
                "span.group",
                element("span.of", "application " if is_kinesis else "group "),
                element("bdi", status.group),
            ),
            element(
                "span.facts",
                f"{'Kinesis' if is_kinesis else 'Kafka'} · {status.version} · up {ago(status.up_seconds)}",
            ),
        ),
        # The script writes into these, so they are not changed by what is fetched.
        element(
            "p.live",
            element("noscript", f"reloads every {_RELOAD_SECONDS} s, "),
            element("span", "as of "),
            element("time", f"{at:%H:%M:%S} UTC", datetime=f"{at:%Y-%m-%dT%H:%M:%SZ}"),
            id="live",
            data_keep="",
        ),
        element("p.unseen", id="told", role="status", data_keep=""),
    )


def _facts(status: WorkerStatus) -> Markup:
    done = status.done
    workers = "-" if status.scaling is None else wanted(status.scaling)
    facts = [
        ("Workers wanted in all", workers, ""),
        ("Delivered since the start", amount(None if done is None else done.delivered), ""),
        ("Draining", "yes" if status.draining else "no", ""),
        ("Clock", clock(status.clock_ahead_seconds), ""),
        ("Lost to retention", amount(status.records_lost), ".care" if status.records_lost else ""),
    ]
    return element(
        "section.worker",
        element("h2", "Worker", id="worker-h"),
        element(
            "dl.facts",
            *(
                element("div", element("dt", name), element(f"dd{mood}", element("bdi", value)))
                for name, value, mood in facts
            ),
        ),
        aria_labelledby="worker-h",
    )


def _footer() -> Markup:
    links = ("live", "ready", "metrics", "status")
    return element(
        "footer",
        element("p", "Nothing can be changed here, and no user data is shown."),
        element(
            "nav",
            element("ul", *(element("li", element("a", f"/{each}", href=each)) for each in links)),
            aria_label="Other pages",
        ),
    )
