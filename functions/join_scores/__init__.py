"""Joins what the batches of a scoring job have written: docs/scoring.md."""
