"""set_concurrency: the inference function gets the concurrency of the deployment -> whether it is ready.

{"paused": true} asks for none that is paid for.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.common.clients import client
from functions.common.environment import read_number, read_text
from functions.common.observability import logger, tracer
from functions.set_concurrency.concurrency import Concurrency, set_concurrency


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    provisioned = int(read_number(os.environ, "PROVISIONED_CONCURRENCY"))
    answer = set_concurrency(
        read_text(os.environ, "INFERENCE_FUNCTION"),
        Concurrency(
            reserved=int(read_number(os.environ, "RESERVED_CONCURRENCY", at_least=1)),
            provisioned=0 if event.get("paused") else provisioned,
        ),
        functions=client("lambda"),
    )
    logger.info("set", extra=answer)
    return answer
