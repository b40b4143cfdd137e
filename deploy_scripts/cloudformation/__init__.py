"""The stack: template, buckets, deployment, drift."""
