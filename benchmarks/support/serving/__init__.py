"""Model servers as contestants."""
