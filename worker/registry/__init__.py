"""The schema registry: asks it for the schemas that records name by an id."""
