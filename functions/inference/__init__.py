"""The inference function: an image's address goes in, the live model's answer comes out."""
