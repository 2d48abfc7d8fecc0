"""JSON: read fast by msgspec, and what msgspec refuses taken apart as far as the mapping needs it."""
