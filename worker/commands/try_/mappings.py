"""Compiles mappings as configured, also others than the configured one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from worker.runtime.wiring import record_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.commands.try_.schema_fetching import SchemaFetching
    from worker.settings import Settings
    from worker.suggest.verification import Compile, MapRecord


def compiler(settings: Settings, fetching: SchemaFetching) -> Compile:
    """Return what compiles a mapping with the rest of the configuration as it is."""

    def compile_(mapping: Mapping[str, object]) -> MapRecord:
        record = msgspec.structs.replace(settings.record, mapping=mapping)
        configured = msgspec.structs.replace(settings, record=record)
        return fetching.answered(record_mapping(configured, fetching.schemas))

    return compile_
