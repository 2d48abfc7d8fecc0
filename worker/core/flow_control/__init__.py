"""When the next call may go: rate, holds, and the patterns of failure that lead to them."""
