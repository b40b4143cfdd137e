"""Commands of the local cloud."""
