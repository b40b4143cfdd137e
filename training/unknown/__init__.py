"""Telling photos that are unlike those of the training: what is learned, and where the line is drawn."""
