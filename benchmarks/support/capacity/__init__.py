"""Traces of traffic, and a simulation of the function and the endpoint that answer it."""
