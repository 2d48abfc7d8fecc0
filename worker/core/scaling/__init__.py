"""How many workers the whole group should have, as one of them sees it."""
