"""The model server behind serve.py: SageMaker's contract over HTTP, computed by the engine."""
