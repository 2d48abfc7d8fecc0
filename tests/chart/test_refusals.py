"""Values that can't work are refused before anything is made, with the key and the reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from msgspec import ValidationError, convert
from msgspec.structs import fields

from tests.chart.conftest import ROOT
from tests.chart.refusals import REFUSALS, Refusal, page
from worker.settings import Settings

if TYPE_CHECKING:
    from tests.chart.conftest import Template


@pytest.mark.parametrize("refusal", REFUSALS, ids=[each.kind for each in REFUSALS])
def test_a_broken_value_is_refused_with_its_reason_alone(template: Template, refusal: Refusal) -> None:
    ended = template("", values=refusal.values)
    assert ended.returncode == 1
    said = [line.strip() for line in ended.stderr.splitlines()]
    (reason,) = (line for line in said if line.startswith("- ") and not line.endswith("validation failed"))
    assert f"{reason.removeprefix('- ')}\n".startswith(refusal.says)
    assert refusal.says.endswith(" ") or reason.removeprefix("- ") == refusal.says


def test_all_mistakes_are_told_at_once(template: Template) -> None:
    ended = template(
        "",
        values="{terminationGracePeriodSeconds: 1, image: {digest: a}, config: {personalize: {region: a}}}",
    )
    for told in ("terminationGracePeriodSeconds: 1", "image.digest", "config.personalize.region"):
        assert told in ended.stderr


def test_no_secret_is_repeated(template: Template) -> None:
    values = "config: {kafka: {client: {sasl.password: hunter2}}, schema_registry: {token: hunter2}}"
    assert "hunter2" not in template("", values=values).stderr


TEXTS = (
    *("", ".", "..", "a", "a b", " a", "a ", "a\n", "a\tb", "é", "^", "^shop.*", "7", "a" * 249, "a" * 250),
    *(
        "a" * 128,
        "a" * 129,
        "a" * 256,
        "a" * 257,
        "\x7f",
        "\u2028",
        "arn:aws:kinesis:eu-west-1:123456789012:stream/a",
    ),
    *(
        "arn:aws:kinesis:eu-west-1:1:stream/a",
        "http://a",
        "https://a:1/b",
        "https://u:p@a",
        "ftp://a",
        "https://",
    ),
    *(
        "https://[::1]:8081",
        "https://a/ccompat/v7",
        "https://a?b",
        "HTTPS://a",
        "a.b",
        "a_b-c.d",
        "a/b",
        "a:b",
    ),
)
LISTS = ("kafka.topics", "kinesis.streams", "record.columns", "record.placeholder_ids", "schema_registry.url")


def test_the_chart_and_the_worker_refuse_the_same_texts(template: Template) -> None:
    """Their regular expressions are Go's and Python's."""
    config: dict[str, dict[str, object]] = {}
    for path in LISTS:
        section, _, key = path.partition(".")
        config.setdefault(section, {})[key] = TEXTS
    said = template("", json.dumps({"config": config})).stderr
    for path in LISTS:
        section, _, key = path.partition(".")
        (kind,) = (each.type for each in fields(Settings) if each.name == section)
        for index, text in enumerate(TEXTS):
            refused_by_chart = f"config.{path}[{index}]:" in said
            try:
                convert({key: [text]}, kind)
            except ValidationError:
                # Go has no look-ahead.
                assert refused_by_chart or text in {".", ".."}, text
            else:
                # The worker refuses control characters apart from this, and Python's $ forgives the last.
                assert not refused_by_chart or text.endswith("\n"), text


def test_the_page_shows_every_refusal() -> None:
    assert (ROOT / "docs/chart-refusals.md").read_text() == page(), "python -m tests.chart.refusals"
