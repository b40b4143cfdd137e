"""States that several stages share."""
