"""Sources: where records come from, and where their offsets are committed."""
