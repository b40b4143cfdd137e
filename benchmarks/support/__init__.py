"""What the benchmarks share. Nothing here is a benchmark: `make bench` runs the files one folder up."""
