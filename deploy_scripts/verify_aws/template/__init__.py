"""Checks of the templates: their resources, policies and event patterns."""
