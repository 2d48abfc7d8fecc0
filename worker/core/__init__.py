"""Pure decisions: no I/O, no clock, no threads, no Kafka, no AWS."""
