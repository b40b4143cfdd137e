"""Looks at a drop before anything is paid for: classes, counts and problems, by ranged reads."""
