"""Traces, if they are wanted: one OpenTelemetry span a call, linked to the traces of the records in it.

The rule: nothing that a record holds reaches a span, except the two ids and the flags of its ``traceparent``.
OpenTelemetry is imported by ``exporting`` and ``put_events`` only, which ``runtime`` imports if tracing is
enabled: whoever has it off neither installs nor pays for it.
"""
