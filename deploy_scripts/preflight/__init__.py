"""What would stop a deployment, or its first run, in this account and region: asked first."""
