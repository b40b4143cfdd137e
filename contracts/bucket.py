"""How the data bucket is laid out, and what the files of a run are called. drops/keys.py has the drops."""

SNAPSHOTS = "snapshots/"
UPLOADS = "uploads/"
# Yours, as drops/ is: photos to score, which stay.
PHOTOS = "photos/"
# A folder a scoring job: docs/scoring.md.
SCORES = "scores/"
AUDITS = "audits/"
# The last audit, of a run or by schedule: the next one is compared with it.
LAST_AUDIT = f"{AUDITS}last.json"
# What lies there lies in folders of it: the rule for drops takes an object right in it for a misplaced drop.
REVIEWS = "reviews/"
CAPACITY_REVIEWS = f"{REVIEWS}capacity/"
JANITOR_REPORTS = f"{REVIEWS}leftovers/"
DRIFT_REVIEWS = f"{REVIEWS}drift/"
# Of all reviews of drift, the newest one first.
DRIFT_PAGE = f"{DRIFT_REVIEWS}drift.html"
# Photos that the live model was in doubt about: docs/feedback.md.
CAPTURES = "captures/"
# S3 user metadata of each: JSON, percent-encoded.
CAPTURE_METADATA = "dropserve-capture"
RUNS = "runs/"
CHECKPOINTS = "checkpoints/"

# A run trains on a copy: of a zip this one, of a folder the manifest of its versions.
SNAPSHOT_ZIP = "dataset.zip"

RUN_ID = r"[0-9a-f]{32}"

# What the functions write.
INSPECTION = "inspection.json"
PLAN = "plan.json"
VERDICT = "verdict.json"
AUDIT = "audit.json"
AUDIT_PAGE = "audit.html"

# What a training leaves: two archives, and in the second of them these files.
MODEL_ARCHIVE = "model.tar.gz"
OUTPUT_ARCHIVE = "output.tar.gz"
METRICS = "metrics.json"
REPORT = "report.html"
# One page on the model, for whoever uses it; of no older training.
MODEL_CARD = "model_card.html"
PREDICTIONS = "test_predictions.jsonl"
# What is probably wrong with photos and labels, and the list to correct and hand back; of no older training.
DOCTOR = "doctor.json"
REVIEW = "review.csv"
ACCEPTANCE = "acceptance.json"
# The photos that acceptance.json names.
ACCEPTANCE_FOLDER = "acceptance"
ACCEPTANCE_PHOTO = rf"{ACCEPTANCE_FOLDER}/[0-9]{{2}}\.jpg"


def run_key(run_id: str, name: str = "") -> str:
    """The key of a run's file; without a name that of its folder, with the slash at its end."""
    return f"{RUNS}{run_id}/{name}"


def drift_review_key(day: str) -> str:
    """The key of a day's review of drift; `day` as 2026-01-31."""
    return f"{DRIFT_REVIEWS}{day}.json"


def capture_key(day: str, number: int) -> str:
    """The key of a day's captured photo of that number; `day` as 2026-01-31."""
    return f"{CAPTURES}{day}/{number:05d}.jpg"


def snapshot_key(run_id: str, name: str) -> str:
    """The key of what a run trains on."""
    return f"{SNAPSHOTS}{run_id}/{name}"


def acceptance_photo(number: int) -> str:
    """The name of one photo of the acceptance sample."""
    return f"{ACCEPTANCE_FOLDER}/{number:02d}.jpg"


def scores_key(job: str, name: str = "") -> str:
    """The key of a scoring job's file; without a name that of its folder, with the slash at its end."""
    return f"{SCORES}{job}/{name}"
