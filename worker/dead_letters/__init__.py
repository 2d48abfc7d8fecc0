"""Writes records that can't be delivered to the dead-letter topic, and waits for the acknowledgement."""
