"""What is claimed of speed, memory and size, measured against a peer in the same run: `make bench`."""
