"""What each role may do against what it did, as every scenario runs in a local cloud of its own."""
