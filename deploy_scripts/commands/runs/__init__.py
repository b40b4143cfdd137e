"""Commands of drops and runs."""
