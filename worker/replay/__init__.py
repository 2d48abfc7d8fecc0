"""Dead letters come back: counted, shown, exported, and replayed through the whole pipeline."""
