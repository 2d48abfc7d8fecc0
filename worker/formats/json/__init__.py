"""JSON: decoded fast by msgspec; what msgspec refuses is taken apart as far as the mapping needs it."""
