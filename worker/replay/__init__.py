"""Counts, shows and exports dead letters, and replays them through the whole pipeline."""
