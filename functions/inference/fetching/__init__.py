"""An image from an address that a stranger gave: what is checked, resolved and read."""
