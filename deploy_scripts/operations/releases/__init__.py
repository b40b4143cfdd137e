"""Releases: the live one, those before it, and what they leave behind."""
