"""Commands of a deployment as a whole."""
