"""Whether anything tells of the bill: a budget of AWS Budgets, of the account or of the deployment."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from deploy_scripts.cloudformation.budget import PARAMETER, RESOURCE_TYPE, wanted_usd
from deploy_scripts.errors import is_error
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent

NAME = "budget"
_CONSOLE = "https://console.aws.amazon.com/billing/home#/budgets"


def check(intent: Intent) -> Iterator[Finding]:
    """An endpoint costs as long as it stands; a plan's limit is for its training alone."""
    usd = wanted_usd(intent.parameters)
    if usd:
        yield _of_the_deployment(intent, usd)
        return
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
        f"Deploy with --parameter {PARAMETER}=100, or make one with an alert by e-mail.",
        link=_CONSOLE,
    )


def _of_the_deployment(intent: Intent, usd: float) -> Finding:
    """CloudFormation does not know budgets in every region, and says which types it knows."""
    try:
        intent.aws.cloudformation.describe_type(Type="RESOURCE", TypeName=RESOURCE_TYPE)
    except ClientError as error:
        if not is_error(error, "TypeNotFoundException"):
            raise
        return Finding(
            NAME,
            "fail",
            f"CloudFormation in {intent.aws.region} makes no budgets, and {PARAMETER} is {usd:g}.",
            f"Deploy with --parameter {PARAMETER}=0, and make the budget in the console.",
            link=_CONSOLE,
        )
    return Finding(NAME, "ok", f"The deployment makes one of ${usd:g} a month, for the whole account")
