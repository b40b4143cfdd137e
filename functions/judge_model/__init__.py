"""Decides whether a trained model goes live: against a threshold, and against the model that serves now."""
