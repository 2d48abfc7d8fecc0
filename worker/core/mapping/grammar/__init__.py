"""The grammar of the mapping language: ``record.mapping`` to frozen nodes, or all of its mistakes at once.

``mapping`` parses the whole, ``fields`` one field, ``sources`` where a value comes from, ``paths`` a path. In
what comes out (``nodes``) every name is resolved and every word checked.
"""
