"""Measures the worker on a real Kafka, beside a straightforward consumer: ``python -m benchmarks``."""
