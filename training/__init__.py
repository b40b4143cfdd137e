"""Training and serving of the classifier; runs in a container, on an instance or by hand."""
