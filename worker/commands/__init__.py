"""The commands of ``personalize-worker``, a module each; ``cli`` dispatches to them."""
