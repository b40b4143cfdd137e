"""How many bytes each variable of the workflow takes at most, as JSON in UTF-8.

A text of n characters takes up to 4 n bytes; a key of S3 up to 1,024 bytes, twice that with every character
escaped; a name of SageMaker 63.
"""

from contracts.limits import MAX_SENTENCE_CHARACTERS

# Of the input and output of a state: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
STATE_LIMIT_BYTES = 262_144
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskFailure.html
ERROR_CHARACTERS, CAUSE_CHARACTERS = 256, 32_768

KEY = 2048
REASON = 4 * MAX_SENTENCE_CHARACTERS + 100
ACCEPTANCE = 200
CONCURRENCY = 300

# Each variable may have 256 KiB, all together 10 MiB; here all together keep to what a state may hold.
BOUNDS: dict[str, int] = {
    # read_input bounds each of its fields; with the reason why another execution ended.
    "input": 2 * REASON + 3 * KEY + 4000 + 1000,
    "run": 3 * KEY + 800,
    # With the names of two lists of 23 alarms, each of up to 255 characters.
    "settings": 2500 + 2 * 23 * 260,
    "release_name": 70,
    "released_run_id": 40,
    "polls": 20,
    "training_job_try": 20,
    "capacity_waits": 20,
    "capacity_lacking": 5,
    "upload_waits": 20,
    "lock_acquired": 5,
    "unfinished": 5,
    "recorded": 5,
    "release_begun": 5,
    "endpoint_gone": 5,
    # An id of a version: 1,024 bytes.
    "current_version_id": 1030,
    "inspection": 2 * REASON + 2 * KEY + 900,
    # Two sentences about a folder, with its name and its key.
    "recheck": 2200 + KEY + 400,
    # 25 hyperparameters, of which one is a text of 2,500 characters, and the live pointer.
    "plan": REASON + 2 * KEY + 2500 + 4096 + 3500,
    "model_data_uri": 400,
    "spot_failure": REASON + 60,
    "verdict": REASON + 1000,
    "lock": KEY + 500,
    "holder_status": 20,
    # An SSM parameter of the standard tier: 4 kB.
    "previous": 4100,
    "canary": 400,
    "previous_serves": 5,
    # Of a watch and of a rollback.
    "watched_since_ms": 20,
    "look_s": 20,
    "looks": 20,
    "rollback_request": 40,
    "alarms": 23 * 260,
    "target": 500,
    "model_found": 5,
    "instance_count": 20,
    # FailureReason has at most 1,024 characters.
    "endpoint": 4096 + 60,
    "concurrency": CONCURRENCY + 60,
    "audit": REASON + 600,
    # Figures, and a sentence with them.
    "acceptance": ACCEPTANCE + 100,
    "error": 4 * (ERROR_CHARACTERS + CAUSE_CHARACTERS) + 40,
    # ARNs, and what three calls of the registry say in 300 characters each.
    "model_version": 400 + 3 * (4 * 300 + 60),
    "replaced_version": 400,
    "outcome": REASON + ACCEPTANCE + CONCURRENCY + 200,
    "training_instance_ids": 200,
}
