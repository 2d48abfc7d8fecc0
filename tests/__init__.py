"""The promises of the worker, as tests."""
