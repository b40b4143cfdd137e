"""What a deployed dropserve can be asked: drops, runs, releases, predictions, audits."""
