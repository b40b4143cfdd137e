"""Drops: uploaded, listed, and those that began no run."""
