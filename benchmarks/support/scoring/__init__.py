"""What benchmarks/scoring.py measures with: a deployment of its own, photos in it, and its endpoint asked."""
