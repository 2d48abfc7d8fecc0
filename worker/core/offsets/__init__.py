"""Which offsets may be committed, and how much is held in memory until they are."""
