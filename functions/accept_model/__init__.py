"""Tries a fresh endpoint before it serves: it must answer test photos as the served graph did in training."""
