"""Reads the environment: WORKER_, the section, two underscores, the key. It overrides the file.

Examples are ``WORKER_KAFKA__TOPICS=a,b`` (or JSON) and ``WORKER_KAFKA__CLIENT__SASL_PASSWORD`` for
``sasl.password``. With ``_FILE`` at its end, any of them names a file that holds the value, as mounted
secrets do. The newline at the end of many secrets is cut off; surrounding white space too, except from
passwords and librdkafka's settings.

Kubernetes adds variables of its own when a Service is called ``worker`` or ``worker-kafka``
(``WORKER_PORT``, ``WORKER_KAFKA_SERVICE_HOST``). It never writes two underscores. So a name without them is a
mistake only if it begins like one of our sections and does not look like a variable of Kubernetes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.config.names import OPEN_KEYS, TOP, did_you_mean, known_keys, nearest, sections
from worker.config.reading import Unreadable, read_text
from worker.config.validation import from_json, from_text
from worker.sources.kafka.properties import ALL as CLIENT_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.config.raw_settings import RawSettings

PREFIX: Final = "WORKER_"
FILE: Final = "_FILE"

# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_SERVICE: Final = re.compile(
    r".*(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_WITH_BLANKS: Final = frozenset({"client", "password"})
_LAST_NEWLINE: Final = re.compile(r"\r?\n\Z")
_SERVICE_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://")


class Target(Struct, frozen=True):
    """The key that a variable sets; ``entry`` is the name within an open key."""

    section: str
    key: str
    entry: str | None
    from_file: bool

    def name(self) -> str:
        """Return the dotted key."""
        return ".".join(filter(None, (self.section, self.key, self.entry)))


def read_environment(environ: Mapping[str, str], given: RawSettings) -> None:
    """Override the given values with those of the environment, and note its mistakes."""
    targets = {name: _target(name) for name in environ if _is_ours(name, environ[name])}
    setters: dict[str, str] = {}
    # Whole keys come first, so that a single entry overrides its key.
    for name in sorted(targets, key=lambda each: each.count("__")):
        target = targets[name]
        if target is None:
            given.mistake(name, "unknown variable" + did_you_mean(_nearest_variable(name)), "")
        elif other := setters.get(target.name()):
            given.mistake(target.name(), f"is set by both {other} and {name}; keep one", "")
        else:
            setters[target.name()] = name
            _put(given, target, name, environ[name])


def client_files(environ: Mapping[str, str]) -> dict[str, Path]:
    """Return the files that hold entries of ``kafka.client``, by entry."""
    targets = {name: _target(name) for name in environ if _is_ours(name, environ[name])}
    return {
        target.entry: Path(environ[name])
        for name, target in targets.items()
        if target is not None and target.from_file and target.key == "client" and target.entry is not None
    }


def client_value(path: Path) -> str:
    """Return the entry of ``kafka.client`` that a file holds.

    Raises:
        Unreadable: the file can't be read.
    """
    return _without_end(read_text(path))


def _is_ours(name: str, value: str) -> bool:
    """Return whether a variable is meant for the worker."""
    if not name.startswith(PREFIX):
        return False
    rest = name.removeprefix(PREFIX)
    if "__" in rest:
        return True
    services = _SERVICE.fullmatch(rest) or (rest.endswith("PORT") and _SERVICE_ADDRESS.match(value))
    if rest.removesuffix(FILE).lower() in sections()[TOP]:
        return True
    return not services and any(
        rest == each or rest.startswith(f"{each}_") for each in map(str.upper, sections()) if each
    )


def _target(name: str) -> Target | None:
    """Return the key that a variable sets; None if there is no such key."""
    return _plain_target(name, from_file=False) or (
        _plain_target(name.removesuffix(FILE), from_file=True) if name.endswith(FILE) else None
    )


def _plain_target(name: str, *, from_file: bool) -> Target | None:
    section, separator, rest = name.removeprefix(PREFIX).lower().partition("__")
    if not separator:
        section, rest = TOP, section
    key, _, entry = rest.partition("__")
    if key not in sections().get(section, {}):
        return None
    if not entry:
        return Target(section, key, None, from_file) if not rest.endswith("__") else None
    if f"{section}.{key}" not in OPEN_KEYS:
        return None
    if key == "client":
        # Three of librdkafka's names end with .file; those are not mounted values.
        dotted = entry if entry in CLIENT_KEYS else entry.replace("_", ".")
        if not from_file and name.endswith(FILE) and dotted not in CLIENT_KEYS:
            return None
        return Target(section, key, dotted, from_file)
    return None if not from_file and name.endswith(FILE) else Target(section, key, entry, from_file)


def _put(given: RawSettings, target: Target, variable: str, value: str) -> None:
    if target.from_file:
        try:
            value = read_text(Path(value))
        except Unreadable as error:
            given.mistake(target.name(), f"names a file that {error}", variable)
            return
    value = _without_end(value)
    if target.key not in _WITH_BLANKS:
        value = value.strip()
    if target.entry is None:
        given.override(
            target.section,
            target.key,
            from_text(value, sections()[target.section][target.key].type),
            variable,
        )
    else:
        entry = value if target.key == "client" else _json_or_text(value)
        given.override_entry(target.section, target.key, target.entry, entry, variable)


def _without_end(text: str) -> str:
    """Cut off the last newline, and nothing else: a password may begin and end with blanks."""
    return _LAST_NEWLINE.sub("", text.removeprefix("\ufeff"))


def _json_or_text(text: str) -> object:
    """Read a field's mapping: an object or a list is JSON, anything else is a path."""
    return from_json(text) if text.startswith(("{", "[")) else text


def _nearest_variable(name: str) -> str | None:
    names = [PREFIX + key.upper().replace(".", "__", 1) for key in known_keys()]
    return nearest(name, names)
