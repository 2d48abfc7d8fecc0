"""The Kinesis source: reads the shards that this worker has leased in the KCL's table."""
