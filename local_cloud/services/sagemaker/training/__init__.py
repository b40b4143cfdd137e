"""Training jobs: their record, their instances, their folders, metrics and checkpoints."""
