"""Concurrent executions: what a release reserves must leave 100 to the account's other functions."""

from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from deploy_scripts.errors import is_error
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent

NAME = "Lambda concurrency"
QUOTA = "Concurrent executions"
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
UNRESERVED_MINIMUM = 100


def check(intent: Intent) -> Iterator[Finding]:
    """The account's settings say what holds; Service Quotas only how to ask for more."""
    limit = intent.aws.functions.get_account_settings()["AccountLimit"]
    account, unreserved = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    wanted = intent.number("ReservedConcurrency")
    provisioned = intent.number("ProvisionedConcurrency")
    if provisioned > wanted:
        yield Finding(
            NAME,
            "fail",
            f"ProvisionedConcurrency={provisioned} is more than ReservedConcurrency={wanted}.",
            "Lambda provisions within what is reserved: choose a smaller number, or reserve more.",
        )
        return
    needed = UNRESERVED_MINIMUM + wanted
    if account < needed:
        found = (
            f"The account's limit is {account}: a release of this template reserves nothing below {needed}."
        )
        advice = "It serves all the same, without provisioned environments. Ask for more."
        yield Finding(NAME, "warn", found, advice, **_asking(intent, needed))
        return
    left = unreserved + _reserved_already(intent) - wanted
    if left < UNRESERVED_MINIMUM:
        found = (
            f"{unreserved} of {account} are unreserved: with ReservedConcurrency={wanted} only {left} would "
            f"stay, and Lambda keeps {UNRESERVED_MINIMUM}."
        )
        more = account + UNRESERVED_MINIMUM - left
        yield Finding(
            NAME, "fail", found, "Reserve less elsewhere, or ask for more.", **_asking(intent, more)
        )
    else:
        yield Finding(NAME, "ok", f"{unreserved} of {account} are unreserved, a release reserves {wanted}")


def _reserved_already(intent: Intent) -> int:
    """What the deployment's own function holds, which a release would set anew."""
    try:
        answer = intent.aws.functions.get_function_concurrency(FunctionName=f"{intent.aws.stack}-inference")
    except ClientError as error:
        if not is_error(error, "ResourceNotFoundException"):
            raise
        return 0
    return answer.get("ReservedConcurrentExecutions", 0)


def _asking(intent: Intent, wanted: int) -> dict[str, str]:
    """Empty where Service Quotas does not tell: what was found stands all the same."""
    try:
        quota = intent.quotas.of("lambda").get(QUOTA)
    except (ClientError, BotoCoreError):
        return {}
    return intent.quotas.how_to_ask(quota, wanted) if quota else {}
