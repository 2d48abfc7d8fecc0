"""From a record to an interaction: a document in, one valid PutEvents event out, or the reason why not.

``compile_mapping`` reads ``record.mapping`` of the configuration once, at start, and returns the function
that maps a record. That function never raises, whatever the bytes. It returns an ``Interaction`` that fulfils
every rule of the API, an ``Undecodable`` with its reason, a ``Skipped`` with its rule, or a ``FanOut`` of
several of them.

A given mapping replaces the defaults field by field, so it names only what differs; ``null`` turns an
optional field off. A field is *present* when its place holds something other than null and the empty string.
This applies to JSON, key and headers alike: web trackers send ``"userId": ""`` for an anonymous user. An id
that is blank or one of the words of ``placeholders`` counts as absent too.

``grammar`` parses the mapping, and finds all of its mistakes. ``compiler`` makes functions of it: a decoder
(``worker.formats``) turns the value into a document, each field's value is selected from it, and a cast makes
of it what the API takes. Members that no path leads to are not looked into: whatever stands there
is no reason to refuse a record.
"""

from worker.core.mapping.compiler.mapping import TOMBSTONE, compile_mapping
from worker.core.mapping.faults import KINDS, MappingError, Mistake
from worker.core.mapping.times import UNITS

__all__ = ["KINDS", "TOMBSTONE", "UNITS", "MappingError", "Mistake", "compile_mapping"]
