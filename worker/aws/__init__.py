"""What AWS requires of a caller: credentials, region, endpoint, signature, clock."""
