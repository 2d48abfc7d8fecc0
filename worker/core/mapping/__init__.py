"""The mapping: a document in, one valid PutEvents event out, or the reason why not.

``compile_mapping`` reads the configuration under ``record.mapping`` once, at start, and returns the function
that maps a record. That function never raises, whatever the bytes. It returns an ``Interaction`` that fulfils
every rule of the API, an ``Undecodable`` with its reason, or a ``Skipped`` tombstone.

A configured mapping replaces the defaults field by field, so it names only what differs; ``null`` turns an
optional field off. A field is *there* when its place holds something other than null and the empty string, in
JSON, key and headers alike, because web trackers send ``"userId": ""`` for an unknown user. For an id, blanks
and the words of ``placeholders`` count as absent too.

A decoder (``worker.formats``) turns the value into a document, ``select`` finds each field's value in it, and
a cast converts the value to what the API takes. Members to which no path leads are not examined: nothing
there is a reason to refuse a record.
"""

from worker.core.mapping.compile import TOMBSTONE, compile_mapping
from worker.core.mapping.faults import KINDS, MappingError, Mistake
from worker.core.mapping.times import UNITS

__all__ = ["KINDS", "TOMBSTONE", "UNITS", "MappingError", "Mistake", "compile_mapping"]
