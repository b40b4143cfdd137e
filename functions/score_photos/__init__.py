"""Scores one batch of photos of a scoring job: docs/scoring.md."""
