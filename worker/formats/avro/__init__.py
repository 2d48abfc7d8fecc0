"""Avro: with the frame of a schema registry, or all records by one schema from a file."""
