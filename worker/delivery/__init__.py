"""Builds, signs, sends and retries PutEvents calls, one after another, and classifies the answers."""
