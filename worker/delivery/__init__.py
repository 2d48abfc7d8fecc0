"""One PutEvents call after another: built, signed, sent, retried, its answer classified."""
