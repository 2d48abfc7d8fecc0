"""Workers that share leases, under seeded faults of the table, of the stream and of themselves."""
