"""Values that can't work are refused before anything is made, with the key and the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chart.conftest import ROOT
from tests.chart.refusals import REFUSALS, Refusal, page

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


def test_the_page_shows_every_refusal() -> None:
    assert (ROOT / "docs/chart-refusals.md").read_text() == page(), "python -m tests.chart.refusals"
