"""The release gate and the account's security report: one snapshot of IAM, many small checks, one verdict."""
