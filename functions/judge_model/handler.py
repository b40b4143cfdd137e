"""judge_model: {"run", "plan", "training"} -> does the model go live?"""

import os
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.common.clients import client
from functions.common.live_pointer import read_live_pointer
from functions.common.observability import logger, metrics, tracer
from functions.judge_model.judging import judge_model
from functions.judge_model.settings import read_settings


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    logger.append_keys(run_id=event["run"]["id"])
    settings = read_settings(os.environ)
    verdict = judge_model(
        event,
        settings,
        live=read_live_pointer(settings.live_pointer_parameter, ssm=client("ssm")),
        s3=client("s3"),
        sagemaker=client("sagemaker"),
    )
    logger.info("judged", extra={"promote": verdict["promote"], "reason": verdict["reason"]})
    metrics.add_metric("ModelsPromoted" if verdict["promote"] else "ModelsKeptBack", MetricUnit.Count, 1)
    metrics.add_metric("Accuracy", MetricUnit.NoUnit, verdict["accuracy"])
    return verdict
