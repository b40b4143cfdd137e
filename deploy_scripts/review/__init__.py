"""What a deployment will change, told before it changes: resources, permissions, parameters, cost."""
