"""Capacity reviews by the deployed function."""

from typing import Any

from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.function_calls import call_function


def review_capacity(deployment: Deployment, *, days: int, apply: bool, reset: bool) -> dict[str, Any]:
    """The document of schemas/capacity_review.schema.json, with `review_uri`.

    Raises CliError when the function fails; that nothing was applied is said in the document.
    """
    event = {"days": days, "apply": apply, "reset": reset}
    what, log = "The capacity review", "capacity_review"
    return call_function(deployment, "CapacityReviewFunctionName", event, what=what, log=log)
