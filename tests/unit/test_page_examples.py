"""Every command on the pages is one that there is, and every configuration is one that the worker takes.

What can be run without a broker is run; of the rest, the programs' own readers read the arguments. For what
neither is possible, ``NOT_RUN`` has the reason.
"""

from __future__ import annotations

import json
import re
import shlex
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore
import pytest
import yaml
from google.protobuf import descriptor_pb2

from worker.cli import main
from worker.commands.arguments import build_parser
from worker.config import read_settings
from worker.config.names import TOP, sections

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
PAGES = sorted(
    str(each.relative_to(PROJECT))
    for each in chain(PROJECT.glob("*.md"), PROJECT.glob("docs/**/*.md"))
    if each.name != "CHANGELOG.md"
)
PROGRAMS = (
    *("personalize-worker", ".venv/bin/personalize-worker"),
    *("make", "helm", "kubectl", "docker", "python", "pip"),
)
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
BEGINS = tuple(f"{each} " for each in PROGRAMS)
CODE = re.compile(r"`([^`\n]+)`")
NOT_RUN = {
    "personalize-worker dead-letters list | show | replay | export": "names four commands at once",
    "python -m": "names no module",
}
"""Commands that are none, each with its reason."""
# The first keys of YAML that is neither the worker's nor the chart's.
OTHER_KEYS = {"groups", "scrape_configs", "rule_files", "externalRules", "triggers"}
ALONE = re.compile(r"\S*personalize-worker (schema|presets|--version)")
KUBECTL = {
    "annotate",
    "apply",
    "cordon",
    "create",
    "delete",
    "describe",
    "exec",
    "get",
    "label",
    "logs",
    "patch",
    "port-forward",
    "rollout",
    "scale",
    "top",
    "wait",
}
HELM = {
    "get",
    "history",
    "install",
    "lint",
    "list",
    "rollback",
    "show",
    "status",
    "template",
    "test",
    "uninstall",
    "upgrade",
}
COMPOSE = {"up", "down", "exec", "logs", "pause", "unpause", "kill", "stop", "start", "restart", "ps"}
"""The verbs of programs that are not here."""
MAPPING_KEYS = {
    *("event_type", "sent_at", "session_id", "user_id", "item_id"),
    *("keep", "drop", "each", "unwrap", "mapping"),
}
MINIMAL = {
    "kafka": yaml.safe_load((PROJECT / "config/minimal.yaml").read_text()),
    "kinesis": yaml.safe_load((PROJECT / "config/kinesis.yaml").read_text()),
}
TRACKING_ID = re.compile(r"0a1b2c3d-[.0-9a-f-]*")


def descriptors() -> bytes:
    """What protoc would make of a file with one message, shop.Event."""
    one = descriptor_pb2.FileDescriptorProto(name="events.proto", package="shop", syntax="proto3")
    one.message_type.add(name="Event")
    return descriptor_pb2.FileDescriptorSet(file=[one]).SerializeToString()


FILES = {
    ("record", "schema_file"): descriptors,
    ("schema_registry", "ca_file"): (Path(botocore.__file__).parent / "cacert.pem").read_bytes,
}
"""What a configuration may name a file in, and what stands there in a test."""


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Language and text of each block, without the indentation of a list around it."""
    for indent, language, text in BLOCK.findall((PROJECT / page).read_text()):
        yield language, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)


def commands(page: str) -> Iterator[str]:
    """What is written as a command: in a block, at the start of a line, or between backticks."""
    for language, text in blocks(page):
        if language in {"", "sh", "console", "bash"}:
            for line in text.replace("\\\n", " ").splitlines():
                command = re.split(r"\s{3,}|\s#\s", line.removeprefix("$ ").strip())[0]
                if command.startswith(BEGINS):
                    yield command
    outside = BLOCK.sub("", (PROJECT / page).read_text())
    yield from (each for each in CODE.findall(outside) if each.startswith(BEGINS))


ALL_COMMANDS = sorted({(page, each) for page in PAGES for each in commands(page) if each not in NOT_RUN})
ALL_YAML = [(page, text) for page in PAGES for language, text in blocks(page) if language == "yaml"]
ALL_JSON = [(page, text) for page in PAGES for language, text in blocks(page) if language == "json"]


def words(command: str) -> list[str]:
    """The words of the first program; what a pipe or a file gets is not its business."""
    found = shlex.split(command, comments=True)
    ends = [at for at, word in enumerate(found) if word in {">", "|", "&&", "<", "<<<"}]
    return found[: ends[0]] if ends else found


def check_worker(arguments: list[str]) -> None:
    stand_ins = {"HOST:PORT": "127.0.0.1:9090", "N": "1", "...": "x"}
    if arguments == ["--version"]:
        return
    build_parser().parse_args([stand_ins.get(each, each) for each in arguments])


def check_make(arguments: list[str]) -> None:
    text = (PROJECT / "Makefile").read_text()
    for each in arguments:
        name, is_variable, _ = each.partition("=")
        if is_variable:
            bootstrap = (PROJECT / "tools/bootstrap.sh").read_text()
            assert re.search(rf"^{name} \?=", text, re.MULTILINE) or f"${{{name}:-" in bootstrap
        else:
            assert re.search(rf"^{name}:", text, re.MULTILINE), each


def check_python(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        module = find_spec(arguments[1])
        assert module, arguments[1]
        folder = Path(str(module.origin)).parent
        source = "".join(each.read_text() for each in folder.glob("*.py"))
        assert "__main__" in source
        options = [each.partition("=")[0] for each in arguments[2:] if each.startswith("--")]
        assert all(f'"{each}"' in source for each in options), options


def check_kubectl(arguments: list[str]) -> None:
    assert set(arguments) & KUBECTL
    if "--" in arguments and arguments[arguments.index("--") + 1] == "personalize-worker":
        check_worker(arguments[arguments.index("--") + 2 :])


def check_docker(arguments: list[str]) -> None:
    assert arguments[0] == "compose"
    verb, *rest = arguments[1:]
    assert verb in COMPOSE
    services = yaml.safe_load((PROJECT / "compose.yaml").read_text())["services"]
    named = [each for each in rest if not each.startswith("-") and not each.isdigit()]
    if named:
        assert named[0] in services
    if verb == "exec":
        check_worker(named[2:] if named[1] == "personalize-worker" and len(named) == len(rest) else rest[2:])


def check_helm(arguments: list[str]) -> None:
    assert arguments[0] in HELM
    for each in arguments[1:]:
        if each.startswith("helm/"):
            assert (PROJECT / each).exists()


def check_pip(arguments: list[str]) -> None:
    assert arguments[0] == "install"
    for extra in re.findall(r"\[(\w+)\]", " ".join(arguments)):
        assert re.search(rf"^{extra} = \[", (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)


CHECKS = {
    "personalize-worker": check_worker,
    ".venv/bin/personalize-worker": check_worker,
    "make": check_make,
    "python": check_python,
    "kubectl": check_kubectl,
    "docker": check_docker,
    "helm": check_helm,
    "pip": check_pip,
}


@pytest.mark.parametrize(("page", "command"), ALL_COMMANDS)
def test_a_command_is_one_that_there_is(page: str, command: str) -> None:
    assert page
    program, *arguments = words(command)
    CHECKS[program](arguments)


@pytest.mark.parametrize("command", sorted({each for _, each in ALL_COMMANDS if ALONE.match(each)}))
def test_what_needs_nothing_else_runs(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["segment" if each == "NAME" else each for each in words(command)[1:]]
    if arguments == ["--version"]:
        with pytest.raises(SystemExit, match="0"):
            main(arguments)
    else:
        assert main(arguments) == 0
    assert capsys.readouterr().out


def merged(onto: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    for key, value in given.items():
        onto[key] = merged(dict(onto[key]), value) if isinstance(value, dict) and key in onto else value
    return onto


def configurations(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The worker's configurations in a block: a fragment, a mapping, a preset, or the chart's values."""
    if "apiVersion" in tree or set(tree) <= OTHER_KEYS:
        # A manifest, or what is for Prometheus, its adapter or KEDA: tests/chart and tests/alerts have those.
        return
    if "title" in tree:
        # A preset: what it says of itself is not for the worker.
        yield {"record": {key: value for key, value in tree.items() if key not in {"title", "match"}}}
    elif set(tree) <= MAPPING_KEYS:
        yield {"record": tree if "mapping" in tree else {"mapping": tree}}
    elif set(tree) <= set(sections()) | set(sections()[TOP]):
        yield tree
    else:
        values = yaml.safe_load((PROJECT / "helm/personalize-worker/values.yaml").read_text())
        assert set(tree) <= set(values), "neither the worker's configuration nor the chart's values"
        common = tree.get("config") or {}
        yield common
        for each in (tree.get("workers") or {}).values():
            yield merged(json.loads(json.dumps(common)), (each or {}).get("config") or {})


def completed(tree: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The whole configuration that the fragment is a part of; files that it names are put there."""
    tree = json.loads(TRACKING_ID.sub("00000000-0000-0000-0000-000000000000", json.dumps(tree)))
    for (section, key), contents in FILES.items():
        if key in tree.get(section, {}):
            place = folder / Path(tree[section][key]).name
            place.write_bytes(contents())
            tree[section][key] = str(place)
    return merged(json.loads(json.dumps(MINIMAL[tree.get("source", "kafka")])), tree)


@pytest.mark.parametrize(("page", "text"), ALL_YAML)
def test_a_configuration_is_one_that_the_worker_takes(page: str, text: str, tmp_path: Path) -> None:
    assert page
    for document in yaml.safe_load_all(text):
        for fragment in configurations(document):
            tree = completed(fragment, tmp_path)
            file = tmp_path / "worker.yaml"
            file.write_text(yaml.safe_dump(tree))
            # The page says where a login comes from; here it is any.
            has_user = tree.get("schema_registry", {}).get("user")
            read_settings(file, {"WORKER_SCHEMA_REGISTRY__PASSWORD": "any"} if has_user else {})


@pytest.mark.parametrize(("page", "text"), ALL_JSON)
def test_json_is_json(page: str, text: str) -> None:
    assert page
    decoder = json.JSONDecoder()
    rest = text.strip()
    while rest:
        _, end = decoder.raw_decode(rest)
        rest = rest[end:].strip()
