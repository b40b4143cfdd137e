"""Whether anything tells of the bill: a budget of AWS Budgets."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from deploy_scripts.errors import is_error
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent

NAME = "budget"


def check(intent: Intent) -> Iterator[Finding]:
    """An endpoint costs as long as it stands; a plan's limit is for its training alone."""
    try:
        budgets = intent.aws.budgets.describe_budgets(AccountId=intent.aws.account_id).get("Budgets", [])
    except ClientError as error:
        if not is_error(error, "NotFoundException"):
            raise
        budgets = []
    if budgets:
        yield Finding(NAME, "ok", f"{len(budgets)} in AWS Budgets")
        return
    yield Finding(
        NAME,
        "warn",
        "This account has no budget: nothing tells of a bill that grows.",
        "Make one with an alert by e-mail.",
        link="https://console.aws.amazon.com/billing/home#/budgets",
    )
