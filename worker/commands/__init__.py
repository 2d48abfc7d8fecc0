"""The commands of ``personalize-worker``, one module each; ``cli`` dispatches to them."""
