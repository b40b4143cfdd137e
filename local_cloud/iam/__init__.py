"""Who calls, what that permits, and the log of it."""
