"""Concurrent executions: what a release reserves must leave 100 to the account's other functions."""

from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from contracts.limits import UNRESERVED_MINIMUM
from deploy_scripts.errors import is_error
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent

NAME = "Lambda concurrency"
QUOTA = "Concurrent executions"


def check(intent: Intent) -> Iterator[Finding]:
    """The account's settings say what holds; Service Quotas only how to ask for more."""
    limit = intent.aws.functions.get_account_settings()["AccountLimit"]
    account, unreserved = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    wanted = intent.number("ReservedConcurrency")
    lacking = wanted + UNRESERVED_MINIMUM - unreserved - _reserved_already(intent)
    if lacking <= 0:
        yield Finding(NAME, "ok", f"{unreserved} of {account} are unreserved, a release reserves {wanted}")
        return
    yield Finding(
        NAME,
        "warn",
        f"{unreserved} of the account's {account} are unreserved, and Lambda keeps {UNRESERVED_MINIMUM}: a "
        f"release cannot reserve the {wanted} of ReservedConcurrency.",
        "It serves all the same, without provisioned environments. Ask for more, or reserve less elsewhere.",
        **_asking(intent, account + lacking),
    )


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
