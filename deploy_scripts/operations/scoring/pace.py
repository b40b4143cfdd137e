"""How fast an endpoint scores, as far as its own figures tell."""

from deploy_scripts.costs.scoring import ASSUMED, Pace
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.releases.capacity_reviews import read_last_review


def read_pace(deployment: Deployment, endpoint: str, instance_type: str | None) -> Pace:
    """By the last capacity review, where it is about this endpoint on AWS; else what is assumed.

    Its `instance_capacity` is of requests with one photo each. This machine's figure says nothing of AWS.
    Raises CliError where something else lies in its place.
    """
    if deployment.aws.is_local or instance_type is None:
        return ASSUMED
    review = read_last_review(deployment)
    if review is None or (review["endpoint_name"], review["instance_type"]) != (endpoint, instance_type):
        return ASSUMED
    a_minute = review["traffic"]["instance_capacity"]
    if not a_minute:
        return ASSUMED
    return Pace(a_minute / 60, f"by the capacity review of {review['reviewed_at']}")
