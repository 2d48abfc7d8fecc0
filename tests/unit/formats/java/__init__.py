"""Records that Java has written, and how."""
