"""Chaos: a real cluster, real workers, and a seeded plan of what goes wrong."""
