"""The photos of a run that a person should look at: the doctor's findings, and the mistakes on the test."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from contracts.bucket import METRICS, PREDICTIONS, run_key
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.doctor import find_run_findings
from deploy_scripts.operations.s3_documents import read_json
from drops.review import Action

MISTAKE = "mistake"
# A run with more mistakes needs other photos, not a person who looks at each.
MOST_MISTAKES = 2000


@dataclass(frozen=True)
class RunPhoto:
    """A photo by its name in the drop. `thumbnail` and `like_thumbnail` are JPEGs in base64, where known.

    `action` is what is suggested; `like` names the photo that it repeats.
    """

    kind: str
    name: str
    split: str
    label: str
    suggested_label: str
    action: Action
    why: str
    score: float
    left_out: bool = False
    thumbnail: str | None = None
    like: str | None = None
    like_thumbnail: str | None = None


@dataclass(frozen=True)
class RunPhotos:
    """`photos` by kind, the surest first; `counts` are the true numbers: at most 500 are listed.

    `class_findings` are sentences; `has_doctor` is false of a run that was trained before there was one.
    """

    classes: Sequence[str]
    photos: Mapping[str, Sequence[RunPhoto]]
    counts: Mapping[str, int]
    class_findings: Sequence[str]
    has_doctor: bool = True


def read_run_photos(deployment: Deployment, run_id: str) -> RunPhotos:
    """Raises CliError when the run has left nothing that tells of photos."""
    mistakes = list(_mistakes(deployment, run_id))
    findings = find_run_findings(deployment, run_id)
    if findings is None:
        if not mistakes:
            raise CliError(
                f"The run {run_id} tells of no photos: it has not been judged, or made no mistake and was "
                "trained before there was a doctor.",
                "Choose another run.",
            )
        metrics = read_json(deployment, f"s3://{deployment.bucket}/{run_key(run_id, METRICS)}")
        return RunPhotos(metrics["classes"], {MISTAKE: mistakes}, {MISTAKE: len(mistakes)}, (), False)
    document = findings.document
    photos: dict[str, list[RunPhoto]] = {MISTAKE: mistakes}
    for each in document["photo_findings"]:
        photos.setdefault(each["kind"], []).append(_photo(each))
    return RunPhotos(
        classes=document["classes"],
        photos=photos,
        counts={MISTAKE: len(mistakes), **document["counts"]},
        class_findings=[each["why"] for each in document["class_findings"]],
    )


def _photo(finding: Mapping[str, Any]) -> RunPhoto:
    return RunPhoto(
        kind=finding["kind"],
        name=finding["photo"],
        split=finding["split"],
        label=finding["label"],
        suggested_label=finding["suggested_label"] or "",
        action=finding["action"],
        why=finding["why"],
        score=finding["score"],
        left_out=finding["left_out"],
        thumbnail=finding["thumbnail"],
        like=finding["like"],
        like_thumbnail=finding["like_thumbnail"],
    )


def _mistakes(deployment: Deployment, run_id: str) -> Iterator[RunPhoto]:
    """Those that the model was surest of come first; none where the run has no answers."""
    key = run_key(run_id, PREDICTIONS)
    try:
        body = deployment.aws.s3.get_object(Bucket=deployment.bucket, Key=key)["Body"]
    except ClientError as error:
        if is_error(error, "NoSuchKey"):
            return
        raise
    try:
        wrong = [each for line in body.iter_lines() if (each := _mistake(json.loads(line)))]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise CliError(
            f"s3://{deployment.bucket}/{key} cannot be understood: {error!r}.",
            "Something else wrote it: run the pipeline again.",
        ) from error
    yield from sorted(wrong, key=lambda each: each.score, reverse=True)[:MOST_MISTAKES]


def _mistake(answer: Mapping[str, Any]) -> RunPhoto | None:
    likeliest = answer["predictions"][0]
    label, probability = str(likeliest["label"]), float(likeliest["probability"])
    if label == answer["label"]:
        return None
    return RunPhoto(
        kind=MISTAKE,
        name=str(answer["photo"]),
        split="test",
        label=str(answer["label"]),
        suggested_label=label,
        action="keep",
        why=f"the model says {label} with {probability:.0%}",
        score=probability,
    )
