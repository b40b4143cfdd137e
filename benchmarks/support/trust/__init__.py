"""The parts of benchmarks/trust.py, and the real photos that they take."""
