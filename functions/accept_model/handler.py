"""accept_model: {"run", "acceptance_uri", "endpoint_name"} -> how well the endpoint agrees with training."""

import os
import time
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.accept_model.acceptance import accept_model
from functions.accept_model.inference_function import InferenceFunction
from functions.common.clients import client
from functions.common.environment import read_number, read_text
from functions.common.observability import logger, metrics, tracer

# The last question may take as long as the inference function may run (30 s in the template).
ANSWER_RESERVE_S = 35
# Of the concurrency reserved for the inference function: the rest is for those whom the live model serves.
OWN_SHARE = 3


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    logger.append_keys(run_id=event["run"]["id"])
    left_s = context.get_remaining_time_in_millis() / 1000 - ANSWER_RESERVE_S
    reserved = int(read_number(os.environ, "RESERVED_CONCURRENCY", at_least=1))
    figures = accept_model(
        event,
        inference=InferenceFunction(
            read_text(os.environ, "INFERENCE_FUNCTION"), time.monotonic() + left_s, functions=client("lambda")
        ),
        at_once=max(1, reserved // OWN_SHARE),
        s3=client("s3"),
    )
    logger.info("accepted", extra=figures)
    metrics.add_metric("AcceptanceDifference", MetricUnit.NoUnit, figures["largest_difference"])
    return figures
