"""AWS access of the audit: one sweep over the account, every list read once."""
