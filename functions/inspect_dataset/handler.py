"""inspect_dataset: {"run": {...}} -> what the drop holds, and whether it can be trained on.

{"run": {...}, "inspected": {...}}, with that answer -> whether a folder is still what was inspected.
"""

import os
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.common.clients import client
from functions.common.environment import read_number, read_text
from functions.common.observability import logger, metrics, tracer
from functions.inspect_dataset.arrival import look_again
from functions.inspect_dataset.inspection import inspect_drop


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    run = event["run"]
    logger.append_keys(run_id=run["id"])
    if "inspected" in event:
        return _look_again(run, event["inspected"])
    result = inspect_drop(
        run,
        data_bucket=read_text(os.environ, "DATA_BUCKET"),
        s3=client("s3"),
        quiet_s=read_number(os.environ, "QUIET_S", at_most=3600),
    )
    logger.info(
        "inspected", extra={"key": run["key"], "accepted": result["accepted"], "reason": result["reason"]}
    )
    metrics.add_metric("DropsAccepted" if result["accepted"] else "DropsRejected", MetricUnit.Count, 1)
    metrics.add_metric("ImagesInspected", MetricUnit.Count, result["image_count"])
    return result


def _look_again(run: dict[str, Any], inspected: dict[str, Any]) -> dict[str, Any]:
    result = look_again(run, inspected, s3=client("s3"))
    logger.info("looked again", extra={"key": run["key"], **result})
    return result
