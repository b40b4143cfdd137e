"""`make verify-aws`: what others' programs and AWS's documents say of what is sent to AWS."""
