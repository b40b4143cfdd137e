"""The fields of an execution's input."""

# Which drop, and what S3 told of it.
DROP_FIELDS = (
    "source",
    # Part of the run's id: a drop that comes with the same one again is a duplicate.
    "idempotency_token",
    "bucket",
    "key",
    "version_id",
    "sequencer",
    "event_time",
)
# What a person may change about one run.
OVERRIDES = (
    "backend",
    "instance_type",
    "instance_count",
    "hyperparameters",
    "min_accuracy",
    "max_cost_usd",
    "force",
)
