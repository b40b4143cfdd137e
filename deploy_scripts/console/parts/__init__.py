"""What single pages are made of: read by operations, and ready for a template."""
