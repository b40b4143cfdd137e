"""Decides how a run trains: where, on what, for how long and at what price."""
