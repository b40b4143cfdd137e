"""The Lambda functions: one folder each, handler -> logic -> AWS access; `common` is what they share."""
