"""The page's first words: is it well, and if not, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.status.page import oldest
from worker.status.web.markup import Markup, element, joined
from worker.status.words import ago, amount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.core.model.worker_status import WorkerStatus
    from worker.status.history import Sample
    from worker.status.levels import Level

# A worker that keeps up has no older record than this: it lingers for a second, and a probe takes seconds.
_BEHIND_SECONDS: Final = 60.0
# The pace at which it catches up is that of so long.
_PACE_SECONDS: Final = 60.0
# An estimate beyond is no help.
_FORESEEABLE_SECONDS: Final = 2 * 86_400.0
_QUOTA: Final = "the quota is the limit: more pods do not help, a higher quota does"
_MARKS: Final[dict[Level, str]] = {
    "well": "M4.6 8.4 7 10.8 11.6 5.6",
    "rest": "M8 4.6V8l2.4 1.8",
    "care": "M8 4.4v4.4M8 11.2v.2",
    "bad": "M5.4 5.4l5.2 5.2M10.6 5.4 5.4 10.6",
}
# As in the style sheet, of its light scheme: a tab's icon has no scheme.
_COLOURS: Final[dict[Level, str]] = {
    "well": "#1a7f4b",
    "rest": "#3766b8",
    "care": "#9a6200",
    "bad": "#c4302b",
}


class Verdict(Struct, frozen=True):
    """How it is, in a word, and what is to be said of that: a sentence each, what to do after ``; ``."""

    level: Level
    word: str
    sentences: tuple[str, ...]


def verdict(status: WorkerStatus, samples: Sequence[Sample]) -> Verdict:
    """Judge; the reasons are those of ``/ready``, the first to fix first."""
    if not status.ready:
        return _not_ready(status)
    behind = _behind(status, samples)
    said = tuple(filter(None, (*status.warnings, behind and behind[1])))
    if behind is not None:
        return Verdict("care", behind[0], said)
    if status.warnings:
        return Verdict("care", "Delivering, but see this", said)
    if _is_idle(status, samples):
        return Verdict("well", "Ready, nothing waits", ("all records that came are settled",))
    return Verdict("well", "Delivering", (oldest(status),))


def _is_idle(status: WorkerStatus, samples: Sequence[Sample]) -> bool:
    """Whether nothing waits, and nothing came lately: a thin flow has moments in which nothing waits."""
    if any(each.unsettled_records or each.lag_records for each in status.partitions):
        return False
    return not samples or _lately(samples).received == samples[-1].received


def _not_ready(status: WorkerStatus) -> Verdict:
    said = (*status.reasons, *status.warnings)
    if status.draining:
        return Verdict("rest" if len(status.reasons) == 1 else "bad", "Draining", said)
    if status.sending is None:
        is_plain = not any(";" in each or ":" in each for each in status.reasons)
        return Verdict("rest" if is_plain else "care", "Starting", said)
    is_held = any(each.unconfirmed_seconds is None for each in status.holds)
    return Verdict("bad", "Held" if is_held else "Not delivering", said)


def _behind(status: WorkerStatus, samples: Sequence[Sample]) -> tuple[str, str] | None:
    """Say so in a word and in a sentence if it is behind."""
    if not samples or samples[-1].oldest_age_seconds < _BEHIND_SECONDS:
        return None
    now = samples[-1]
    waiting = f"{amount(status.lag_records)} records wait, " if status.lag_records else ""
    sentence = f"{waiting}the oldest is {ago(now.oldest_age_seconds)} old"
    quota = [each.waits_for.cause == "quota" for each in status.partitions[:1]]
    advice = f"; {_QUOTA}" if any(quota) else ""
    seconds = _seconds_left(samples)
    if seconds is None:
        return "Behind", f"{sentence}{advice}"
    if seconds < 0:
        return "Falling behind", f"{sentence}, and more come than can be sent{advice}"
    left = f": about {ago(seconds)} more at this pace" if seconds < _FORESEEABLE_SECONDS else ""
    return "Catching up", f"{sentence}{left}{advice}"


def _seconds_left(samples: Sequence[Sample]) -> float | None:
    """Estimate when the lag is gone; negative: it grows; None: nobody knows."""
    now, then = samples[-1], _lately(samples)
    if now.lag is None or then.lag is None or now.at - then.at < _PACE_SECONDS / 4:
        return None
    pace = (then.lag - now.lag) / (now.at - then.at)
    if pace == 0:
        return None
    return now.lag / pace if pace > 0 else -1.0


def _lately(samples: Sequence[Sample]) -> Sample:
    """Return the sample of a minute ago, or the first one."""
    now = samples[-1]
    return next((each for each in samples if now.at - each.at <= _PACE_SECONDS), now)


def verdict_section(shown: Verdict) -> Markup:
    """Return it as the page's first section."""
    # Of a worker that is well nothing is to be done, so its sentence has no such part.
    said = [_sentence(each) if shown.level != "well" else _plain(each) for each in shown.sentences]
    return element(
        "section.verdict",
        element("h1", mark(shown.level), element("span", shown.word), id="verdict"),
        *said,
        id="state",
        aria_labelledby="verdict",
    )


def _plain(sentence: str) -> Markup:
    return element("div.said", element("p.what", element("bdi", _capital(sentence))))


def _sentence(sentence: str) -> Markup:
    what, *more = sentence.split("; ")
    if not more:
        return _plain(what)
    todo = [element("li", element("bdi", _capital(each))) for each in more]
    return element("div.said", element("p.what", element("bdi", _capital(what))), element("ul.todo", *todo))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def mark(level: Level) -> Markup:
    """Return the sign of a level. It repeats what the word beside it says."""
    return element(
        "svg.mark",
        element("circle", cx="8", cy="8", r="8"),
        element("path", d=_MARKS[level]),
        viewBox="0 0 16 16",
        aria_hidden="true",
    )


def icon(level: Level) -> str:
    """Return a picture of the sign for the browser's tab."""
    path = element(
        "path", d=_MARKS[level], fill="none", stroke="#fff", stroke_width="1.8", stroke_linecap="round"
    )
    circle = element("circle", cx="8", cy="8", r="8", fill=_COLOURS[level])
    return element("svg", joined(circle, path), xmlns="http://www.w3.org/2000/svg", viewBox="0 0 16 16")
