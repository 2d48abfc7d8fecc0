"""What AWS asks of a caller: credentials, region, endpoint, signature, clock."""
