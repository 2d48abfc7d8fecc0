"""Where records go that can not be delivered: written, and waited for."""
