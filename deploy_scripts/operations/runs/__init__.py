"""Runs: found, followed to their end, and told afterwards."""
