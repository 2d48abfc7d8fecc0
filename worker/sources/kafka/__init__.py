"""Kafka as a source: a member of a consumer group, based on librdkafka."""
