"""Decides when the next call may go: rate, holds, and the failure patterns that lead to them."""
