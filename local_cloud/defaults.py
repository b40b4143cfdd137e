"""The account and the region of callers that do not say theirs."""

ACCOUNT_ID = "000000000000"
REGION = "us-east-1"
