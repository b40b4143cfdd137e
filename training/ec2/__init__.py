"""Training on an EC2 instance: boot script, steps of a job, log."""
