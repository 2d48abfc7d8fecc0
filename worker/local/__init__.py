"""An embedded Kafka and a local PutEvents, for the demo and for development."""
