"""The rehearsal: the pipeline takes every road in a cloud of its own; each role is held to what it used."""
