"""The data model: records, outcomes, error codes, snapshots."""
