"""Who asks: keys that are there and hold, of the partition that the region is in."""

from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from deploy_scripts.errors import explain
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent

NAME = "credentials"


def check(intent: Intent) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""
    try:
        caller, own_partition = intent.aws.sts.get_caller_identity()["Arn"], intent.aws.partition.name
    except (ClientError, BotoCoreError) as error:
        told = explain(error)
        # A region that is not opted in answers as if the keys were wrong.
        yield Finding(NAME, "fail", told.message, f"{told.advice} A region must be opted in, too.")
        return
    partition = caller.split(":")[1]
    if partition != own_partition:
        yield Finding(
            NAME,
            "fail",
            f"{caller} is of the partition {partition}, and {intent.aws.region} of {own_partition}.",
            "Use keys of an account of that partition, or another --region.",
        )
    elif caller.endswith(":root") and not intent.aws.is_local:
        yield Finding(
            NAME,
            "warn",
            f"{caller}: the account's root user deploys.",
            "Use a role or a user of your own.",
            link="https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html",
        )
    else:
        yield Finding(NAME, "ok", caller)
