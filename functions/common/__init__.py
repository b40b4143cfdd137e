"""What every function shares: observability, errors, S3 URIs, documents with a schema, AWS clients."""
