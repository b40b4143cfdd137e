"""Reads an execution's input: which drop, with which overrides; or one sentence on what is wrong with it."""
