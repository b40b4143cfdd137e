"""How the answers of a release are counted, so that a day can be compared with its held-out photos.

Training says where the bins end, the endpoint says in which bin an answer is, the inference function counts,
and the function drift_review compares: docs/drift.md.
"""

# Of each statistic; a fifth of the held-out photos lies in each.
BINS = 5
# The field of the endpoint's answer, in JSON: {"confidence": bin, "unknown_score": bin}, from 0 on.
DRIFT = "drift"
# The probability of the likeliest class, and how unlike the training photos a photo is.
CONFIDENCE, UNKNOWN_SCORE = STATISTICS = ("confidence", "unknown_score")

# Metrics of the inference function, by `service` and `release`: how many answers were in a bin, and whether
# each was unknown.
_BIN_METRICS = {CONFIDENCE: "ConfidenceBin", UNKNOWN_SCORE: "UnknownScoreBin"}
UNKNOWN_METRIC = "UnknownAnswer"
METRIC_COUNT = len(STATISTICS) * BINS + 1


def bin_metric(statistic: str, place: int) -> str:
    """The metric that counts the answers of a bin."""
    return f"{_BIN_METRICS[statistic]}{place}"
