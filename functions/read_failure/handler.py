"""read_failure: {"error": {"Error", "Cause"}} -> why the run failed; whether spot capacity was lacking."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.common.observability import logger, tracer
from functions.read_failure.reading import read_failure


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    answer = read_failure(event["error"])
    logger.info("read", extra=answer)
    return answer
