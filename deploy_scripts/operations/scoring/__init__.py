"""Batch scoring as a person asks for it: photos counted, a job started or taken up, followed, fetched."""
