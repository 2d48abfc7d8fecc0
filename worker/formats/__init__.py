"""The formats of records: bytes in, a document out. Pure: no I/O, no clock, no knowledge of the worker.

A format consists of three things: one package here with a function that compiles its decoder, by the contract
in ``formats.protocol``; its name in ``FORMATS``; and the same name among the values of ``record.format``
(``worker.settings``). The mapping selects from documents and does not change for a format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.formats.json.decoder import compile_json_decoder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Never

    from worker.formats.protocol import Format

FORMATS: Final[Mapping[str, Format[Never]]] = {"json": compile_json_decoder}
"""The formats by the values of ``record.format``. None of them asks for a schema yet."""
