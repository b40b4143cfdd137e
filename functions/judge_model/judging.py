"""The judgement of one training: read what it left, publish it, decide, and write the verdict."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from contracts.bucket import ACCEPTANCE, METRICS, REPORT, VERDICT, run_key
from contracts.workflow import NO_ENDPOINT
from functions.common.documents import parse_document, put_document, read_optional
from functions.common.errors import DocumentError, bounded_reason
from functions.common.live_pointer import why_live_model_is_lost
from functions.common.observability import logger
from functions.common.s3_uris import S3Uri, parse_s3_uri
from functions.judge_model import s3_artifacts
from functions.judge_model.artifact import ArtifactError, read_artifact
from functions.judge_model.promotion import Case, decide
from functions.judge_model.settings import Settings

Document = dict[str, Any]


def judge_model(
    request: Mapping[str, Any], settings: Settings, *, live: Document | None, s3: Any, sagemaker: Any
) -> Document:
    """Judge the training that `request` (run, plan, training) names, against the `live` pointer.

    Publishes what the training left for people and for the acceptance test, and verdict.json, under
    `runs/<run id>/`.
    Raises ArtifactError and DocumentError when the training left nothing that can be judged.
    """
    run, plan, data_bucket = request["run"], request["plan"], settings.data_bucket
    folder = S3Uri(data_bucket, run_key(run["id"]))
    packed, where = s3_artifacts.read_output(parse_s3_uri(request["training"]["model_data_uri"]), s3=s3)
    files = read_artifact(packed, where=where)
    metrics = _checked_metrics(files[METRICS], run["id"], where)
    _check_acceptance(files, run["id"], where)
    decision = decide(
        Case(
            metrics=metrics,
            min_accuracy=plan["min_accuracy"],
            rule=settings.rule,
            force=plan["force"],
            planned=plan["champion"],
            live=live,
            live_metrics=_recorded_metrics(live, data_bucket, s3=s3),
            live_lost=_why_live_is_lost(live, data_bucket, s3=s3, sagemaker=sagemaker),
        )
    )
    uris = {name: s3_artifacts.publish(files[name], folder, name, s3=s3) for name in files}
    verdict_uri = S3Uri(data_bucket, run_key(run["id"], VERDICT))
    verdict = {
        "promote": decision.promote,
        "status": decision.status,
        "reason": bounded_reason(decision.reason),
        "accuracy": metrics["accuracy"],
        "champion_accuracy": decision.champion_accuracy,
        # The workflow judges again when another release has gone live since.
        "judged_against": live["run_id"] if live else "",
        "metrics_uri": uris[METRICS],
        "report_uri": uris[REPORT],
        "verdict_uri": str(verdict_uri),
        "acceptance_uri": uris[ACCEPTANCE],
    }
    details = {
        "schema_version": 1,
        "run_id": run["id"],
        "min_accuracy": plan["min_accuracy"],
        "rule": settings.rule,
        "forced": plan["force"],
        "champion_release": live["release"] if live else None,
        "mcnemar_p": decision.p_value,
    }
    put_document("verdict", {**details, **verdict}, verdict_uri, s3=s3)
    return verdict


def _checked_metrics(text: bytes, run_id: str, where: str) -> Document:
    metrics = parse_document("metrics", text, where=f"{METRICS} in {where}")
    if metrics["run_id"] != run_id:
        raise ArtifactError(f"{METRICS} in {where} is of the run {metrics['run_id']}, not of {run_id}")
    return metrics


def _check_acceptance(files: Mapping[str, bytes], run_id: str, where: str) -> None:
    sample = parse_document("acceptance", files[ACCEPTANCE], where=f"{ACCEPTANCE} in {where}")
    if sample["run_id"] != run_id:
        raise ArtifactError(f"{ACCEPTANCE} in {where} is of the run {sample['run_id']}, not of {run_id}")
    missing = [photo["file"] for photo in sample["photos"] if photo["file"] not in files]
    if missing:
        raise ArtifactError(f"{where} lacks {', '.join(missing)}, which its {ACCEPTANCE} names")


def _why_live_is_lost(live: Document | None, data_bucket: str, *, s3: Any, sagemaker: Any) -> str | None:
    if lost := why_live_model_is_lost(live, data_bucket=data_bucket, s3=s3):
        return f"{lost}: it can neither be scaled nor started again"
    return _why_live_endpoint_is_lost(live, sagemaker=sagemaker)


def _why_live_endpoint_is_lost(pointer: dict[str, Any] | None, *, sagemaker: Any) -> str | None:
    """Why nobody is answered any more; None while it serves or changes, while it is paused, or without one.

    Raises ClientError when SageMaker does not tell.
    """
    if not pointer or "paused_at" in pointer:
        return None
    endpoint = f"the endpoint of the live release {pointer['release']}"
    try:
        status = sagemaker.describe_endpoint(EndpointName=pointer["endpoint_name"])["EndpointStatus"]
    except ClientError as error:
        if NO_ENDPOINT in error.response["Error"]["Message"]:
            return f"{endpoint} is gone"
        raise
    return f"{endpoint} has failed" if status == "Failed" else None


def _recorded_metrics(live: Document | None, data_bucket: str, *, s3: Any) -> Document | None:
    """The metrics.json of the live model's run; None when it is gone, or of a form no longer understood."""
    if not live:
        return None
    uri = S3Uri(data_bucket, run_key(live["run_id"], METRICS))
    text = read_optional(uri, s3=s3)
    if text is None:
        return None
    try:
        return parse_document("metrics", text, where=str(uri))
    except DocumentError as error:
        logger.warning("the live model's metrics cannot be read", extra={"reason": str(error)})
        return None
