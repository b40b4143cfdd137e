"""Commands of what is live, and of what was."""
