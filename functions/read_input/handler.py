"""read_input: an execution's input, whatever JSON it is -> the run that it asks for, or that it cleans up."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.common.observability import logger, metrics, tracer
from functions.read_input.reading import read_input


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    answer = read_input(event)
    logger.info("read", extra={"accepted": answer["accepted"], "reason": answer["reason"]})
    metrics.add_metric("InputsAccepted" if answer["accepted"] else "InputsRefused", MetricUnit.Count, 1)
    return answer
