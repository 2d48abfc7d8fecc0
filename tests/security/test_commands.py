"""What the commands print: no secret, whatever is wrong, and no user's data."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.security.environment import SECRET_SETTINGS, Environment, secret_environment
from tests.security.marked_records import good, unmappable
from tests.security.marks import Marks
from tests.support.samples import at_a_desk_and_in_ci
from worker.cli import main
from worker.commands.arguments import build_parser
from worker.commands.check import check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What these show of records, for that is what they are asked for; no secret.
SHOWN: Final = {
    ("dead-letters", "show", "--config"): ": header name",
    ("dead-letters", "show", "--payload", "--config"): "",
    ("dead-letters", "export", "--config"): "",
    ("try", "--config"): "",
    ("try", "--json", "--config"): "",
}
SOON_SECONDS: Final = 60


def commands(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command that there is, by the parser's own word, with the options to try it with."""
    below = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]  # noqa: SLF001  argparse shows them nowhere else
    for action in below:
        for name, command in action.choices.items():
            yield from commands(command, (*words, name))
    yield (*words, "--help")
    options = {option for each in parser._actions for option in each.option_strings}  # noqa: SLF001  as above
    if not below:
        numbers = {"--records": "200", "--port": "0"}
        yield (*words, *(each for name in numbers if name in options for each in (name, numbers[name])))
    flags = ("--payload", "--dry-run", "--json", "--sample", "--suggest")
    sizes = [("--summary", "100")] if "--summary" in options else []
    for more in [*[(option,) for option in flags if option in options], *sizes, ()]:
        if "--config" in options:
            yield (*words, *more, "--config")
    if "--version" in options:
        yield (*words, "--version")


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    with Environment(Marks(), tmp_path) as environment:
        yield environment


@pytest.mark.parametrize("words", list(commands(build_parser())), ids=" ".join)
def test_no_command_prints_a_secret_or_a_user_s_data(
    environment: Environment, searched: set[str], words: tuple[str, ...]
) -> None:
    """With records and dead letters there, and all secrets in the file and the environment."""
    # The good one last, among the newest that `try` looks at.
    environment.put([*unmappable(environment.marks).values(), good(environment.marks, "good")])
    environment.put_dead_letters()
    may_be_shown = {
        each.name for each in environment.marks.all if words in SHOWN and SHOWN[words] in each.name
    }
    worker = environment.start(("worker", *words))
    if words == ("run", "--config"):
        worker.wait_until_page("/ready", '"ready":true')
        worker.look("running")
        worker.end()
    if words == ("endpoint", "--port", "0"):
        worker.wait_until_said("no call yet")
        worker.end()
    # argparse's 2, and what does not work in such a place.
    assert worker.process.wait(SOON_SECONDS) in {0, 1, 2}
    found = {name for names in worker.found().values() for name in names}
    assert found - may_be_shown == set()
    assert bool(found) == (words in SHOWN)
    searched.add(" ".join(("command:", *words)))


WRONG: Final[dict[str, Any]] = {
    "a secret that is a list": {"sasl.password": ["{}"]},
    "a secret that is a mapping": {"sasl.password": {"{}": "{}"}},
    "a secret under a wrong name": {"sasl.pasword": "{}"},
    "a secret as a part of a name": {"sasl.password:{}": None},
    "a secret as a level": {"debug": "{}", "security.protocol": "{}", "sasl.mechanism": "{}"},
    "a secret as a number": {"session.timeout.ms": "{}", "socket.timeout.ms": "{}"},
    "keys that are none": {"security.protocol": "ssl", "ssl.key.pem": "{}", "ssl.certificate.pem": "{}"},
    "a keystore that is not there": {
        "security.protocol": "ssl", "ssl.keystore.location": "/{}", "ssl.keystore.password": "{}",
    },
    "a token endpoint with a login": {"sasl.oauthbearer.token.endpoint.url": "https://me:{}@127.0.0.1/"},
    **{f"no text for {name}": {name: True, "linger.ms": "{}"} for name in SECRET_SETTINGS},
}  # fmt: skip


@pytest.mark.parametrize("command", at_a_desk_and_in_ci(["run"], ["check"]))
@pytest.mark.parametrize("wrong", WRONG)
def test_no_mistake_shows_the_secret_that_it_is_about(
    tmp_path: Path, searched: set[str], wrong: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    marks = Marks()
    client = json.loads(json.dumps(WRONG[wrong]).replace("{}", marks.text("secret")))
    kafka = {"bootstrap_servers": "127.0.0.1:1", "topics": ["a"], "client": client}
    (tmp_path / "wrong.yaml").write_text(
        json.dumps({"kafka": kafka, "personalize": {"tracking_id": "t"}, "dead_letters": {"topic": "d"}})
    )
    assert main([command, "--config", str(tmp_path / "wrong.yaml")]) == 2
    printed = capsys.readouterr()
    assert marks.found_in(f"{printed.out}{printed.err}".encode()) == set()
    searched.add(f"mistake: {wrong}, {command}")


# Variables that are wrong, and what of the output of `run` and of `check` shows that they had their effect.
VARIABLES: Final[list[tuple[dict[str, str], str, str]]] = [
    ({"AWS_ENDPOINT_URL": "https://me:{}@127.0.0.1:1"}, "must be an http", "must be an http"),
    ({"HTTPS_PROXY": "http://me:{}@127.0.0.1:1", "NO_PROXY": ""}, "ProxyUnreachable", "through the proxy"),
    ({"HTTPS_PROXY": "socks5://me:{}@127.0.0.1:1", "NO_PROXY": ""}, "holds no address", "holds no address"),
    ({"AWS_ACCESS_KEY_ID": "{} {}", "AWS_SECRET_ACCESS_KEY": "{}"}, "CredentialsMalformed", "contain spaces"),
    (
        {"AWS_CONFIG_FILE": "{file}", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
        "CredentialsUnavailable",
        "CredentialRetrievalError",
    ),
    ({"WORKER_KAFKA__CLIENT": '{"sasl.password" "{}"}'}, "must be a mapping", "must be a mapping"),
    (
        {"WORKER_KAFKA__CLIENT__SASL_PASWORD": "{}"},
        "did you mean sasl.password",
        "did you mean sasl.password",
    ),
    ({"WORKER_ADMIN__PORT": "{}"}, "must be a whole number", "must be a whole number"),
    ({"WORKER_KAFKA__CLIENT__SSL_KEY_PASSWORD_FILE": "/{}"}, "can't be read", "can't be read"),
]


@pytest.mark.parametrize("wrong", VARIABLES, ids=lambda wrong: ", ".join(wrong[0]))
def test_no_wrong_variable_shows_its_secret(
    environment: Environment,
    searched: set[str],
    wrong: tuple[dict[str, str], str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The SDK's own too; the one with a file runs a program that prints a secret and fails."""
    environ, run_says, check_says = wrong
    marked = marked_environment(environment, environ)
    # Where the SDK says how to get there, it is asked; there is no way out of this machine then.
    by_sdk = environ.keys() & {"AWS_ENDPOINT_URL", "HTTPS_PROXY"}
    environment.put([good(environment.marks, "good")])
    worker = environment.start(environ=marked, personalize={"endpoint_url": None} if by_sdk else {})
    worker.wait_until_said(run_says)
    worker.end()
    assert worker.found() == {}

    for name in os.environ:
        if name.startswith(("AWS_", "WORKER_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in (secret_environment(environment.marks) | marked).items():
        monkeypatch.setenv(name, value)
    # In this process, for it is told to be less patient with a Kafka that does not know all questions.
    check(environment.folder / "0.yaml", os.environ, print, patience_seconds=0.3)
    printed = "".join(capfd.readouterr())
    assert check_says in printed
    assert environment.marks.found_in(printed.encode()) == set()
    searched |= {f"variable: {', '.join(environ)}, {command}" for command in ("run", "check")}


def marked_environment(environment: Environment, environ: dict[str, str]) -> dict[str, str]:
    """With a mark in each variable, and a program that gives away two."""
    program = (
        f"sh -c 'echo {environment.marks.text('printed')}; echo {environment.marks.text('said')} >&2; exit 1'"
    )
    config = environment.folder / "aws"
    config.write_text(f"[default]\ncredential_process = {program}\n")
    return {
        name: value.replace("{file}", str(config)).replace("{}", environment.marks.text(name))
        for name, value in environ.items()
    }
