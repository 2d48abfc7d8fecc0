"""The worker under seeded schedules of faults, in virtual time, watched by an oracle.

A seed makes a schedule, which is data (``schedule``, ``making``). It is played (``playing``, ``world``) on
the real worker, the real Kafka source included, with simulated edges (``consumer``, ``broker``, ``group``,
``api``, ``letters``, ``registry``). The oracle (``oracle``, ``truth``) knows only what the edges saw. What
fails is shrunk (``shrinking``) and told (``trace_text``). ``python -m tests.simulation --help`` runs it.
"""
