"""Batch scoring: what its state machine, its functions and the command line agree on."""

from __future__ import annotations

# A batch is one call of a function. A state's data is at most 262,144 bytes, of which an error takes 32,768:
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
# A batch takes a moment to begin and to end: few batches. But one that is cut off begins anew, and has to end
# within a function's 15 minutes.
BATCH_PHOTOS = 400
BATCH_BYTES = 200_000
# While one batch begins or ends, the endpoint's instance works on the other.
BATCHES_AN_INSTANCE = 2
# Of one batch: so many photos are read at once, so many are one call of the endpoint, and so many calls are
# made at once, with those of the other batch as many as the server of an instance of two cores has threads.
# Of as many calls again the photos are read meanwhile.
PHOTOS_AT_ONCE = 8
PHOTOS_A_CALL = 8
CALLS_AT_ONCE = 2
CALLS_BEGUN = 2 * CALLS_AT_ONCE
# More batches at once would only wait for each other at the endpoint.
MAX_BATCHES_AT_ONCE = 200
# What the joining function has memory, disk and time for.
MAX_PHOTOS = 500_000

# A job is a folder under scores/, and the name of its first execution begins with it.
JOB_ID = r"[A-Za-z0-9][A-Za-z0-9-]{0,59}"

PARTS = "parts/"
RESULTS = "scores.jsonl"
TABLE = "scores.csv"
FAILURES = "failures.csv"
SUMMARY = "summary.json"

TABLE_COLUMNS = ("s3_uri", "label", "probability", "unknown", "release")
FAILURE_COLUMNS = ("s3_uri", "error", "reason", "again")

# The label of the Map state: its runs and the executions of its batches are named by it.
MAP_LABEL = "ScorePhotos"
# The failure of photos whose batch gave no answer: the function ended, or was not let run.
BATCH_LOST = "batch_lost"
