"""Writes the chart's values.schema.json, with the worker's own in it, and what is told as sentences.

    python tools/chart/schema.py            writes both files
    python tools/chart/schema.py --check    fails if they are not up to date

Helm's message for a value that misses a pattern shows the pattern, which explains little to most people. So
patterns are left out of the schema: each becomes a rule in files/patterns.json, with the sentence that the
worker itself says ("must be a region's name, such as eu-west-1"), which templates/_refusals.tpl checks.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from msgspec import inspect

from worker.config import schema
from worker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "tools/chart/values.schema.yaml"
CHART = ROOT / "helm/personalize-worker"
SCHEMA, PATTERNS = CHART / "values.schema.json", CHART / "files/patterns.json"

# What Go's regular expressions can't say, look-ahead and more than 1000 repetitions: the worker refuses it.
NOT_IN_GO: Final = ((re.compile(r"\(\?![^)]*\)"), ""), (re.compile(r"\{1,\d{4,}\}"), "+"))
LEFT_OUT: Final = frozenset(
    {"$ref", "anyOf", "required", "pattern", "default", "if", "then", "else", "title"}
)
Json = dict[str, Any]


def plain(node: Json, definitions: Json) -> Json:
    """Leave out references, unions, required keys and patterns: each message is then about one thing."""
    if "$ref" in node:
        node = {**definitions[node["$ref"].rpartition("/")[2]], **node}
    if "anyOf" in node:
        branches = [plain(each, definitions) for each in node["anyOf"]]
        for each in branches:
            node = {**each, **node}
        node["type"] = [each["type"] for each in branches]
    node = {key: value for key, value in node.items() if key not in LEFT_OUT}
    if "properties" in node:
        node["properties"] = {key: plain(each, definitions) for key, each in node["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            node[key] = plain(node[key], definitions)
    return node


def merged(below: Json, above: Json) -> Json:
    """Lay one tree over another."""
    return below | {
        key: merged(below.get(key, {}), value) if isinstance(value, dict) else value
        for key, value in above.items()
    }


def values_schema() -> Json:
    """All of values.schema.json."""
    source = yaml.safe_load(SOURCE.read_text())
    worker, over = source.pop("worker"), source.pop("config")
    tree = json.loads(schema())
    here = "#/definitions/worker"
    source["properties"] |= {key: {"$ref": f"{here}/properties/{key}"} for key in worker}
    source["properties"]["workers"]["additionalProperties"] = {"$ref": here}
    source["definitions"]["worker"] = {
        "description": "A worker of its own; what it does not set, it has from the release.",
        "type": "object",
        "additionalProperties": False,
        "properties": worker,
    }
    source["definitions"]["config"] = merged(plain(tree["$defs"]["Settings"], tree["$defs"]), over)
    return dict(source)


def patterns(type_: inspect.Type, path: str) -> Iterator[Json]:
    """The rule of a setting, if it has one: its path, its pattern in Go's words, and what it must be."""
    must = None
    while True:
        match type_:
            case inspect.Metadata(type=below, extra={"must": str(said)}):
                must, type_ = f"must be {said}", below
            case inspect.Metadata(type=below):
                type_ = below
            case inspect.UnionType(types=types):
                type_ = next(each for each in types if not isinstance(each, inspect.NoneType))
            case inspect.VarTupleType(item_type=below):
                type_ = below
            case inspect.StrType(pattern=str(pattern)):
                if must is None:
                    message = (
                        f"{path} has a pattern and no sentence: extra={{'must': ...}} in worker.settings"
                    )
                    raise SystemExit(message)
                for unknown, instead in NOT_IN_GO:
                    pattern = unknown.sub(instead, pattern)
                yield {"path": path, "pattern": pattern, "must": must}
                return
            case _:
                return


def all_patterns() -> list[Json]:
    """The rules of all settings."""
    found: list[Json] = []
    for section in inspect.type_info(Settings).fields:  # type: ignore[attr-defined]  # of a struct there are fields
        for key in getattr(section.type, "fields", ()):
            found += patterns(key.type, f"{section.name}.{key.encode_name}")
    return found


def main() -> int:
    """Write the files, or compare them."""
    wanted = {SCHEMA: values_schema(), PATTERNS: all_patterns()}
    texts = {path: json.dumps(tree, indent=2, ensure_ascii=False) + "\n" for path, tree in wanted.items()}
    old = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in old:
            print(
                f"{path.relative_to(ROOT)} is not up to date: python tools/chart/schema.py", file=sys.stderr
            )
        return 1 if old else 0
    for path in old:
        path.write_text(texts[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
