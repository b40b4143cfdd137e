"""Says in one sentence why a run failed, from the error that Step Functions caught."""
