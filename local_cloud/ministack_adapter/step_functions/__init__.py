"""Step Functions where ministack differs from the specification."""
