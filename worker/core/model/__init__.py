"""What flows through the worker and what it comes to: records, outcomes, error codes, snapshots."""
