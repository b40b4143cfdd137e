"""Outputs of the frozen backbone for every photo, computed once."""
