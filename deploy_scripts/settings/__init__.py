"""What a deployment is told: by dropserve.toml, stage by stage, and as parameters of the template."""
