"""Workers that share leases, under seeded schedules of faults of the table, of the stream and of themselves."""
