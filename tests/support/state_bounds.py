"""How many bytes each part of the workflow's state takes at most, as JSON in UTF-8.

A text of n characters takes up to 4 n bytes; a key of S3 up to 1,024 bytes, twice that with every character
escaped; a name of SageMaker 63.
"""

# Of the input and output of a state: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
STATE_LIMIT_BYTES = 262_144

KEY = 2048
REASON = 4100  # functions/common/reasons.py: 1,000 characters
ACCEPTANCE = 200

BOUNDS: dict[str, int] = {
    # read_input bounds each of its fields; `complete` gives way to `run`.
    "input": REASON + 3 * KEY + 4000 + 500,
    "run": 3 * KEY + 800,
    "overrides": 4000,
    "settings": 2500,
    "release": 100,
    "polls": 20,
    "arrival": 20,
    # HeadObject: 2 kB of user metadata, and S3's own headers.
    "current": 4000,
    "inspection": 2 * REASON + 2 * KEY + 900,
    # Two sentences about a folder, with its name and its key.
    "second_look": 2200 + KEY + 400,
    # Key, version and what S3 told of them.
    "again": 2 * KEY + 500,
    # 25 hyperparameters, of which one is a text of 2,500 characters, and the live pointer.
    "plan": REASON + 2 * KEY + 2500 + 4096 + 3500,
    "training": 400,
    "verdict": REASON + 1000,
    "lock": KEY + 500,
    "holder": 30,
    "lock_taken": 3000,
    # An SSM parameter of the standard tier: 4 kB.
    "previous": 4100,
    "start": 30,
    # The one that is live, then the candidate: one variant; FailureReason has at most 1,024 characters.
    "endpoint": 3000 + 4096,
    "account": 40,
    "provisioned": 2000,
    "audit": REASON + 600,
    # Figures, and a sentence with them.
    "acceptance": ACCEPTANCE + 100,
    "pointer": 1000,
    # Error has at most 256 characters and Cause 32,768: API_SendTaskFailure.
    "error": 4 * (256 + 32_768) + 40,
    "outcome": REASON + ACCEPTANCE + 200,
    "leftover": 200,
    "message": 2 * REASON + ACCEPTANCE + 2 * KEY + 200,
}
