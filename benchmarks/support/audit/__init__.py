"""The audit's peers, and accounts for them."""
