"""The page docs/presets.md, made by ``python -m tests.presets.page > docs/presets.md``.

What it says of a preset is what its file says; what becomes of a sample is what the mapping made of it.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tests.presets.cases import Outcome, mapping_of, outcomes_of, samples_of, shown
from worker.config.presets import preset_names, read_preset
from worker.core.model.records import Interaction, Skipped, Undecodable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.presets.cases import Sample

_HEAD: Final = """\
# Presets

A preset is a mapping that is there already, for the shape of records that a well-known program writes. Each
was checked against the specification that it names, and is tested with samples of it.

<!-- Made by `python -m tests.presets.page > docs/presets.md`: change the files in worker/presets. -->

```yaml
record:
  mapping:
    preset: segment
    item_id: properties.sku              # replaces the preset's field
    event_type: {path: event, values: {Product Viewed: view, Order Completed: purchase}, otherwise: drop}
    user_id: null                        # turns an optional field off
    keep: null                           # turns a directive off (unwrap, keep, drop; each with what reads it)
```

What stands besides `preset` replaces the preset's mapping field by field and directive by directive: a rule
of your own under `drop` takes the place of all of the preset's rules there. Other keys of a preset, such as
the format, are defaults of the section. From the environment: `WORKER_RECORD__MAPPING={"preset":"segment"}`,
or `WORKER_RECORD__MAPPING__PRESET=segment`. `personalize-worker presets` lists them, and
`personalize-worker presets NAME` prints one with its comments, to be copied and changed.
`personalize-worker check --sample` says what it makes of your records.

## What they have in common

- **Event types** stay as they are written, unless a preset says otherwise: a model is trained on the names
  that you chose. `values` renames them.
- **The user** is somebody identified, if the shape tells. An anonymous visitor's id is the session then,
  and Personalize joins the session to the user who signs in within it.
- **The session** is the shape's own. Numbers that are only the moment at which a session began are joined
  to the device, for others begin theirs in the same second. Without any, it is the nearest id of the
  visitor; never a constant, and never the record's key, which is often an item or an order.
- **The time** is when it happened, corrected for the device's clock where the shape has that; never when it
  was sent.
- **Several products** of one record are several events. Each has an id of its own, the same at every
  delivery.
- **A price is no event value.** Personalize can be told to train only on events above a value; a dear
  product is not a better liked one. Prices and quantities are among the properties; what does not fit there
  is left out.
- **What is no interaction** (a visitor identified, an app started, a row deleted) is skipped by a named
  rule, and counted under that name.
"""


_WIDTH: Final = 110


class About(Struct, frozen=True):
    """What the comments at the head of a preset's file say."""

    what: str
    source: str
    event_types: str
    notes: Sequence[str]
    traps: Sequence[str]


def markdown() -> str:
    """The whole page."""
    return "".join(_page())


def _page() -> Iterator[str]:
    yield f"{_HEAD}\n## The presets\n\n| preset | for | samples here |\n|---|---|---|\n"
    for name in preset_names():
        yield f"| [`{name}`](#{name}) | {read_preset(name).title} | {len(samples_of(name))} |\n"
    for name in preset_names():
        yield from _preset(name)


def _preset(name: str) -> Iterator[str]:
    about = about_preset(name)
    yield f"\n## {name}\n"
    for paragraph in (f"**{read_preset(name).title}.** {about.what}", about.source, about.event_types):
        yield f"\n{_wrapped(paragraph)}\n"
    for note in about.notes:
        yield f"\n{_wrapped(note)}\n"
    yield "\nTraps:\n\n"
    for trap in about.traps:
        yield f"{_wrapped(f'- {trap}')}\n"
    yield f"\n<details><summary>The file</summary>\n\n```yaml\n{_without_head(name)}```\n\n</details>\n"
    for sample in samples_of(name):
        if sample.on_page:
            yield f"\n{sample.says}\n\n{_of_sample(sample)}"
    yield "\n| sample | shows | becomes |\n|---|---|---|\n"
    for sample in samples_of(name):
        path = f"../tests/presets/samples/{name}/{sample.file}"
        yield f"| [{sample.name}]({path}) | {_html(sample.says)} | {_in_short(sample)} |\n"


def about_preset(name: str) -> About:
    """Parse the comments at the head of a file: they have one form, which the tests hold them to."""
    head = read_preset(name).text.partition("title:")[0]
    lines = [line.removeprefix("#").removeprefix(" ") for line in head.splitlines()]
    text, _, traps = "\n".join(lines).partition("\nTraps")
    parts = re.split(r"\n(?=Whose: |Event types: |[A-Z].*?[a-z] is yours: |The columns are yours: )", text)
    what, source, event_types, *notes = (" ".join(each.split()) for each in parts)
    return About(what, source, event_types, notes, _bullets(traps))


def _bullets(text: str) -> list[str]:
    """The traps; what stands before the first dash goes with it."""
    head, *bullets = re.split(r"\n- ", text)
    one_line = [" ".join(each.split()) for each in bullets]
    lead = " ".join(head.removeprefix(":").split())
    return ([f"{lead[0].upper()}{lead[1:]}"] if lead else []) + one_line


def _wrapped(text: str) -> str:
    indent = "  " if text.startswith("- ") else ""
    return textwrap.fill(
        text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _without_head(name: str) -> str:
    text = read_preset(name).text
    return text[text.index("title:") :]


def _in_short(sample: Sample) -> str:
    """What becomes of a sample, as a table can show it."""
    counts = Counter(map(_kind, outcomes_of(mapping_of(sample.preset)(sample.record()))))
    return ", ".join(f"{count} x {kind}" if count > 1 else kind for kind, count in counts.items())


def _kind(outcome: Interaction | Undecodable | Skipped) -> str:
    match outcome:
        case Interaction():
            return "event"
        case Undecodable():
            return f"dead letter: `{outcome.reason.kind}`"
        case Skipped():
            return f"skipped: `{outcome.rule}`"


def _of_sample(sample: Sample) -> str:
    outcomes = outcomes_of(mapping_of(sample.preset)(sample.record()))
    subjects = [f"element {index} " for index in range(len(outcomes))] if len(outcomes) > 1 else [""]
    said = (_outcome(subject, each) for subject, each in zip(subjects, outcomes, strict=True))
    return f"```\n{_record(sample)}```\n" + "".join(said)


def _record(sample: Sample) -> str:
    value = _pretty_text(sample.value.decode())
    lines = [f"{name}: {text}" for name, text in sample.context.headers.items()]
    if sample.context.key is not None:
        lines.insert(0, f"key: {sample.context.key}")
    if "\t" in value:
        # A tab a value would be a line of a thousand blanks.
        value = re.sub(r"\t{2,}", lambda tabs: f" <{len(tabs[0])} tabs> ", value).replace("\t", " <tab> ")
    return "".join(f"{line}\n" for line in [*lines, *([""] if lines else []), value])


def _outcome(subject: str, outcome: Interaction | Undecodable | Skipped) -> str:
    match outcome:
        case Interaction():
            return f"\n{subject}becomes\n\n```json\n{_call(shown(outcome))}\n```\n"
        case Undecodable():
            reason = _html(outcome.reason.text)
            return f"\n{subject}becomes a dead letter: `{outcome.reason.kind}`, {reason}\n"
        case Skipped():
            return f"\n{subject}is skipped by the rule `{outcome.rule}`\n"


def _call(found: Outcome) -> str:
    """A call with this one event; properties are JSON text, as they are sent."""
    event = dict(found["event"])
    if "properties" in event:
        event["properties"] = json.dumps(event["properties"], separators=(",", ":"), ensure_ascii=False)
    call = {key: value for key, value in found.items() if key != "event"} | {"eventList": [event]}
    return _pretty(call)


def _pretty_text(value: str) -> str:
    try:
        return _pretty(json.loads(value))
    except ValueError:
        return value


def _pretty(value: object, indent: str = "") -> str:
    """JSON in which what fits into a line stands in one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= _WIDTH or not isinstance(value, dict | list):
        return line
    deeper = f"{indent}  "
    if isinstance(value, list):
        inner = [_pretty(each, deeper) for each in value]
        return f"[\n{deeper}" + f",\n{deeper}".join(inner) + f"\n{indent}]"
    members = [f"{json.dumps(key)}: {_pretty(each, deeper)}" for key, each in value.items()]
    return f"{{\n{deeper}" + f",\n{deeper}".join(members) + f"\n{indent}}}"


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


if __name__ == "__main__":
    sys.stdout.write(markdown())
