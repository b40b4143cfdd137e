"""Model servers as competitors."""
