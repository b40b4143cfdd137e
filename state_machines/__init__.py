"""The workflow: training_pipeline.py reads top to bottom; the rendered ASL stands beside it."""
