"""The checks, a file each: what each asks of AWS, and what it makes of the answer."""
