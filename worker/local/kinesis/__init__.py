"""A stand-in for Kinesis Data Streams and DynamoDB inside the process: for the demo, tests and development.

As strict as AWS where the worker could go wrong; what it does not know it refuses by name. Everything is in
memory. ``endpoint.LocalKinesis`` serves it over HTTP and hands out its streams and tables in the process.
"""
