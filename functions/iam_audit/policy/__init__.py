"""What IAM policies allow: parsed, matched, evaluated."""
