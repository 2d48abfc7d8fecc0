"""The flow from source to commit: what waits, who goes next, what is done with."""
