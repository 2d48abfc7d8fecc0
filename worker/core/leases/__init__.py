"""Leases: which worker reads which shard, decided by the protocol of the Kinesis Client Library (KCL)."""
