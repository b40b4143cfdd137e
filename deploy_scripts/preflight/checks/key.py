"""The key of KmsKeyArn: there, of this region, symmetric, enabled, and let to the services that use it."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from deploy_scripts.cloudformation.budget import wanted_usd
from deploy_scripts.errors import is_error
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent

NAME = "key"
_PAGE = "https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html"


def check(intent: Intent) -> Iterator[Finding]:
    """Nothing where no key is named."""
    arn = intent.parameters["KmsKeyArn"]
    if not arn:
        return
    region = arn.split(":")[3]
    if region != intent.aws.region:
        yield Finding(NAME, "fail", f"The key is one of {region}.", f"Name a key of {intent.aws.region}.")
        return
    try:
        key = intent.aws.kms.describe_key(KeyId=arn)["KeyMetadata"]
    except ClientError as error:
        if not is_error(error, "NotFoundException"):
            raise
        yield Finding(NAME, "fail", f"{arn} is not there.", "Make a key, or correct KmsKeyArn.")
        return
    if key["KeyState"] != "Enabled":
        yield Finding(
            NAME, "fail", f"The key's state is {key['KeyState']}.", "Enable it, or name another one."
        )
    elif key["KeySpec"] != "SYMMETRIC_DEFAULT" or key["KeyUsage"] != "ENCRYPT_DECRYPT":
        found = f"The key is {key['KeySpec']} for {key['KeyUsage']}; services encrypt with symmetric keys."
        yield Finding(NAME, "fail", found, "Name a symmetric key for ENCRYPT_DECRYPT.")
    else:
        yield _policy(intent, arn)


def _policy(intent: Intent, arn: str) -> Finding:
    """What these services do is in no role's name: without the key's policy they cannot."""
    policy = intent.aws.kms.get_key_policy(KeyId=arn)["Policy"]
    suffix = intent.aws.partition.dns_suffix
    services = [f"logs.{intent.aws.region}.{suffix}", "events.amazonaws.com", "cloudwatch.amazonaws.com"]
    if wanted_usd(intent.parameters):
        services.append("budgets.amazonaws.com")
    missing = [each for each in services if each not in policy]
    if not missing:
        return Finding(NAME, "ok", f"{arn}, enabled")
    return Finding(
        NAME,
        "fail",
        f"The key's policy does not name {', '.join(missing)}.",
        "Take the policy of docs/network.md.",
        command=f"aws kms put-key-policy --key-id {arn} --policy-name default --policy file://policy.json",
        link=_PAGE,
    )
