"""The operations of the API: one table each, in the terms of ``operations.table``."""
