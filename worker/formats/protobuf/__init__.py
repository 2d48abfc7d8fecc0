"""Protobuf: with the frame of a schema registry, or all records of one message type from a file."""
