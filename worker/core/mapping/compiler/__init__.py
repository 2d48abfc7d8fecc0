"""Compiles a parsed mapping, once, into the function that maps a record.

``mapping`` puts it together. A record is decoded (``worker.formats``) into a document of a type made for the
mapping (``layout``). ``selection`` finds the fields' values in it by ``lookups``, which follow the ``steps``
of a path; ``modifiers`` change them, and ``casting`` makes of each what the API takes.
"""
