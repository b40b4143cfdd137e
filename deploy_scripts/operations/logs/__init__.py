"""Which logs belong to a run, and where to look."""
