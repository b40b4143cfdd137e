"""Checks of the state machine."""
