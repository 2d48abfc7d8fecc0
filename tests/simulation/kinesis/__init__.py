"""Whole workers that share a stream and a lease table, under seeded schedules of faults, in virtual time.

As ``tests.simulation``, with the real Kinesis source, keeper of leases and lease table on the stand-in's
streams and tables (``edge`` is the way there: slow, lossy, throttled). ``python -m tests.simulation.kinesis
--help`` runs it.
"""
