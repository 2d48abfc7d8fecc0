"""The operations of the API: their fields and limits."""
