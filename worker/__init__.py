"""Delivers user interactions from Kafka to Amazon Personalize: batched by session, in order, none lost."""
