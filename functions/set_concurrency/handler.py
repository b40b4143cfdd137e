"""set_concurrency: the inference function gets its concurrency -> whether it is ready.

That of the deployment, or what a capacity review has applied in its place.

{"paused": true} asks for none that is paid for.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.common.applied_capacity import in_force, read_applied
from functions.common.clients import client
from functions.common.environment import read_number, read_text
from functions.common.observability import logger, tracer
from functions.set_concurrency.concurrency import Concurrency, set_concurrency


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    deployed = {
        "reserved_concurrency": int(read_number(os.environ, "RESERVED_CONCURRENCY", at_least=1)),
        "provisioned_concurrency": int(read_number(os.environ, "PROVISIONED_CONCURRENCY")),
    }
    wanted = in_force(deployed, read_applied(read_text(os.environ, "CAPACITY_PARAMETER"), ssm=client("ssm")))
    answer = set_concurrency(
        read_text(os.environ, "INFERENCE_FUNCTION"),
        Concurrency(
            reserved=wanted["reserved_concurrency"],
            provisioned=0 if event.get("paused") else wanted["provisioned_concurrency"],
        ),
        functions=client("lambda"),
    )
    logger.info("set", extra=answer)
    return answer
