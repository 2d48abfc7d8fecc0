"""What the worker reports about itself: logs, metrics, health."""
