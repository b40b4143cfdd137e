"""Commands that look for what is wrong, or would be."""
