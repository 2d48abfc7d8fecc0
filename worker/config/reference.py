"""Generates docs/configuration.md: ``python -m worker.config.reference > docs/configuration.md``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from worker.config import schema
from worker.config.names import TOP, sections
from worker.config.record_source import needed_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HEAD: Final = """\
# Configuration

<!-- Generated from worker/settings by `python -m worker.config.reference`: change it there. -->

Every key, from the same types that read the file. [config/full.yaml](../config/full.yaml) has all of them in
one file, with their defaults and longer explanations; `personalize-worker schema` prints the JSON schema for
an editor. All mistakes are shown at once, and the exit code is 2.

The environment overrides the file. The variable of a key is named beside it; with `_FILE` at its end it names
a file that holds the value, such as a mounted secret. A list is written with commas or as JSON, an object as
JSON.
"""
TABLE: Final = """
| key | type | default | unit | meaning | variable |
|---|---|---|---|---|---|
"""
OPEN_NOTE: Final = {
    "kafka.client": "`WORKER_KAFKA__CLIENT__SASL_USERNAME` sets `sasl.username`: an underscore for each dot.",
    "record.mapping": "What can stand in `record.mapping`: [the mapping](mapping.md).",
}
UNITS: Final = {
    "requests_per_second": "calls/s",
    "_in_flight": "calls",
    "_refusals": "events",
    "_unmappable": "records",
    "seconds": "s",
    "bytes": "bytes",
    "records": "records",
    "events": "events",
}
"""The unit of a key by how its name ends."""
LIMITS: Final = {
    "exclusiveMinimum": "above {}",
    "minimum": "at least {}",
    "exclusiveMaximum": "below {}",
    "maximum": "at most {}",
    "minLength": "not empty",
    "maxLength": "{} characters at most",
    "minItems": "{} or more",
}


def markdown() -> str:
    """Return the whole page."""
    return HEAD + "".join(_sections())


def _sections() -> Iterator[str]:
    definitions = json.loads(schema())["$defs"]
    top = definitions["Settings"]["properties"]
    for section in sections():
        if section == TOP:
            yield "\n## Above all sections\n"
            keys: Mapping[str, Any] = {name: key for name, key in top.items() if "$ref" not in key}
            required: list[str] = []
        else:
            definition = definitions[top[section]["$ref"].rpartition("/")[2]]
            yield f"\n## {section}\n\n{definition['description']}\n"
            keys, required = definition["properties"], definition["required"]
        yield TABLE
        for name, key in keys.items():
            yield _row(section, name, key, required)
        yield from (f"\n{note}\n" for key, note in OPEN_NOTE.items() if key.startswith(f"{section}."))


def _row(section: str, name: str, key: Mapping[str, Any], required: list[str]) -> str:
    dotted = f"{section}.{name}" if section else name
    wanted = [source for source in ("kafka", "kinesis") if dotted in needed_by(source)]
    if name in required:
        default = "required"
    elif wanted:
        default = f"required with `source: {wanted[0]}`" if len(wanted) == 1 else "required"
    else:
        default = _code(key.get("default"))
    variable = f"WORKER_{section.upper()}__{name.upper()}" if section else f"WORKER_{name.upper()}"
    cells = [f"`{dotted}`", kind(key), default, unit(name), key["description"], f"`{variable}`"]
    # A fence of the table must be escaped wherever it stands, in code as well.
    return f"| {' | '.join(each.replace('|', chr(92) + '|') for each in cells)} |\n"


def kind(key: Mapping[str, Any]) -> str:
    """Return what may stand there: a type, a choice, and its limits."""
    if "anyOf" in key:
        kinds = list(dict.fromkeys(kind(each) for each in key["anyOf"]))
        # A comma where a limit ends in a number, so that the next kind is not read as one.
        return (", or " if "," in kinds[0] else " or ").join(kinds)
    if "enum" in key:
        return " or ".join(_code(each) for each in key["enum"])
    said = key.get("type", "anything")
    if said == "array":
        said = f"list of {kind(key['items'])}"
    limits = [words.format(key[limit]) for limit, words in LIMITS.items() if limit in key]
    return ", ".join([said, *limits])


def unit(name: str) -> str:
    """Return the unit that the name says."""
    return next((unit for end, unit in UNITS.items() if name.endswith(end)), "")


def _code(value: object) -> str:
    return f"`{json.dumps(value)}`"


if __name__ == "__main__":
    sys.stdout.write(markdown())
