"""What an audit tells: page, SARIF, Security Hub, S3, notification."""
