"""Batch scoring: every photo under a prefix is asked about once, and the answers become one table.

An input is {"prefix"} with "bucket" (else the data bucket), "job" (else the execution's name; that of an
earlier one goes on where it stopped), "max_photos" and "batches_at_once".
"""

from typing import Any

from contracts.bucket import PHOTOS, UPLOADS
from contracts.scoring import (
    BATCH_BYTES,
    BATCH_PHOTOS,
    BATCHES_AN_INSTANCE,
    CALLS_AT_ONCE,
    JOB_ID,
    MAP_LABEL,
    MAX_BATCHES_AT_ONCE,
    MAX_PHOTOS,
)
from state_machines.language.flow import in_order
from state_machines.language.sdk import Choice, DistributedMap, Fail, Pass, State, Task, definition, jsonata
from state_machines.language.tasks import LAMBDA_LIMIT_S, call, catch, retry
from state_machines.language.transient_errors import transient_errors

# Half a million photos, twenty a second, are seven hours; an endpoint that is asked by others takes longer.
LIMIT_S = 3 * 86_400

_FOLDERS = "|".join(folder.replace("/", "\\/") for folder in (PHOTOS, UPLOADS))
_INPUT = "$states.context.Execution.Input"
_BUCKET = f"($exists({_INPUT}.bucket) ? {_INPUT}.bucket : '${{DataBucket}}')"
_JOB = f"($exists({_INPUT}.job) ? {_INPUT}.job : $states.context.Execution.Name)"
_IS_INPUT = (
    f"$type({_INPUT}) = 'object' and $type({_INPUT}.prefix) = 'string' and {_INPUT}.prefix != '' and "
    f"$type({_BUCKET}) = 'string' and "
    # Where the roles may list and read. Of another bucket its own name says what they may.
    f"({_BUCKET} != '${{DataBucket}}' or $contains({_INPUT}.prefix, /^({_FOLDERS})/)) and "
    f"$contains($string({_JOB}), /^{JOB_ID}$/) and "
    f"$type($exists({_INPUT}.max_photos) ? {_INPUT}.max_photos : 1) = 'number' and "
    f"$type($exists({_INPUT}.batches_at_once) ? {_INPUT}.batches_at_once : 1) = 'number'"
)


def photo_scoring() -> dict[str, Any]:
    """The state machine's definition, with ${Name} where the template substitutes the deployment's values."""
    valid = Choice("Input valid?")
    wrong = Fail(
        "Input refused",
        error="InputRefused",
        cause='Write {"prefix": "photos/..."}, or of uploads/, or of a "bucket" that the role may read.',
    )
    valid.when(f"$not({_IS_INPUT})", wrong)
    nothing_live = Fail(
        "No live model", error="NoLiveModel", cause="No model is live, or the deployment is paused."
    )
    live = Choice("Model live?")
    live.when("$not($exists($live.endpoint_name)) or $exists($live.paused_at)", nothing_live)
    scoring = in_order(
        valid, _name_job(), _read_live_release(nothing_live), live, _describe_endpoint(), _score(), _join()
    )
    return definition(scoring.start, comment="Score every photo under a prefix.", timeout_s=LIMIT_S)


def _name_job() -> Pass:
    return Pass(
        "Name job",
        assign={
            "job": {
                "id": jsonata(_JOB),
                "bucket": jsonata(_BUCKET),
                "prefix": jsonata(f"{_INPUT}.prefix"),
            },
            "most": jsonata(
                f"$min([{MAX_PHOTOS}, $max([1, $exists({_INPUT}.max_photos) "
                f"? $floor({_INPUT}.max_photos) : {MAX_PHOTOS}])])"
            ),
        },
    )


def _read_live_release(nothing_live: State) -> Task:
    return call(
        "Read live release",
        "aws-sdk:ssm:getParameter",
        {"Name": "${LivePointerParameter}"},
        assign={"live": jsonata("$parse($states.result.Parameter.Value)")},
        catches=[catch(nothing_live, ["Ssm.ParameterNotFoundException"])],
        on_error=None,
    )


def _describe_endpoint() -> Task:
    """Some batches at once for each instance of the endpoint, or as many as its own bound has room for."""
    variant = "$states.result.ProductionVariants[0]"
    room = (
        f"$exists({_INPUT}.batches_at_once) ? $floor({_INPUT}.batches_at_once) : "
        f"$exists({variant}.CurrentServerlessConfig) "
        f"? $floor({variant}.CurrentServerlessConfig.MaxConcurrency / {CALLS_AT_ONCE}) "
        f": {BATCHES_AN_INSTANCE} * {variant}.CurrentInstanceCount"
    )
    return call(
        "Describe endpoint",
        "aws-sdk:sagemaker:describeEndpoint",
        {"EndpointName": jsonata("$live.endpoint_name")},
        assign={"batches_at_once": jsonata(f"$min([{MAX_BATCHES_AT_ONCE}, $max([1, {room}])])")},
        on_error=None,
    )


def _score() -> DistributedMap:
    """Its output is a digit a batch: with the answers themselves it would be over 256 KiB."""
    return DistributedMap(
        "Score photos",
        label=MAP_LABEL,
        reader={
            "Resource": "arn:aws:states:::s3:listObjectsV2",
            "Arguments": {"Bucket": jsonata("$job.bucket"), "Prefix": jsonata("$job.prefix")},
            "ReaderConfig": {"MaxItems": jsonata("$most")},
        },
        batch_items=BATCH_PHOTOS,
        batch_bytes=BATCH_BYTES,
        batch_input={"job": jsonata("$job.id"), "bucket": jsonata("$job.bucket")},
        max_concurrency=jsonata("$batches_at_once"),
        start=_score_batch(),
        output={},
    )


def _score_batch() -> Task:
    lost = _function(
        "Record lost batch", "${ScorePhotosFunction}", {**_BATCH, "lost": _LOST}, output=jsonata("0")
    )
    batch = _function("Score batch", "${ScorePhotosFunction}", _BATCH, output=jsonata("0"))
    batch.add_catch(catch(lost, output=jsonata("$merge([$states.input, {'error': $states.errorOutput}])")))
    return batch


_BATCH = {
    "job": jsonata("$states.input.BatchInput.job"),
    "bucket": jsonata("$states.input.BatchInput.bucket"),
    "photos": jsonata("$states.input.Items"),
}
_LOST = jsonata("$states.input.error")


def _join() -> Task:
    return _function(
        "Join scores",
        "${JoinScoresFunction}",
        {
            "job": jsonata("$job.id"),
            "bucket": jsonata("$job.bucket"),
            "prefix": jsonata("$job.prefix"),
        },
        output=jsonata("$states.result.Payload"),
    )


def _function(name: str, function: str, payload: dict[str, Any], *, output: Any) -> Task:
    return Task(
        name,
        resource="arn:aws:states:::lambda:invoke",
        arguments={"FunctionName": function, "Payload": payload},
        output=output,
        timeout_seconds=LAMBDA_LIMIT_S,
        retry=[retry(transient_errors("lambda:invoke"), attempts=6, max_delay_s=60)],
    )
