"""What a consumer does: said once, held against librdkafka on brokers, on its mock, and the simulation."""
