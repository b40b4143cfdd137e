"""plan_training: {"run", "overrides", "inspection"} -> the plan of the training."""

import os
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.common.clients import client
from functions.common.live_pointer import read_live_pointer
from functions.common.observability import logger, metrics, tracer
from functions.plan_training.planning import plan_training
from functions.plan_training.quotas import read_training_quotas
from functions.plan_training.settings import read_settings


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    run = event["run"]
    logger.append_keys(run_id=run["id"])
    settings = read_settings(os.environ)
    plan = plan_training(
        event,
        settings=settings,
        champion=read_live_pointer(settings.live_pointer_parameter, ssm=client("ssm")),
        quotas=read_training_quotas(client("service-quotas")),
        s3=client("s3"),
    )
    logger.info("planned", extra={"accepted": plan["accepted"], "reason": plan["reason"]})
    metrics.add_metric("PlansAccepted" if plan["accepted"] else "PlansRefused", MetricUnit.Count, 1)
    return plan
