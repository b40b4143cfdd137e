"""State machines, instances, buckets and keys: the settings on which the roles' safety hangs."""

import json
from collections.abc import Iterator

from functions.iam_audit.checks.base import Check, Violation
from functions.iam_audit.policy.policies import Statement
from functions.iam_audit.reachability import CALLER_KEYS, find_open
from functions.iam_audit.secrets_in_text import find_secrets
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import BLOCK_SETTINGS, Account

# A key's policy may leave it to IAM, for callers that come through a service of one account.
_KEY_CALLER_KEYS = CALLER_KEYS | {"kms:calleraccount"}


def _opened(arn: str, statement: Statement, account: Account, resource: str | list[str]) -> Violation:
    """A resource's policy that lets anybody in; `resource` is what a narrower one would name."""
    return Violation(
        arn,
        f"It allows {', '.join(statement.actions)} to any principal.",
        snippet={
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account.account_id}:role/NAME"},
            "Action": list(statement.actions),
            "Resource": resource,
        },
        conditions=tuple(map(str, statement.conditions)),
    )


class StateMachineWithoutLogs(Check):
    id = "state-machine-without-logs"
    category = "state machines"
    severity = "low"
    title = "The state machine keeps no log"
    risk = "What it did with its role's rights, and for whom, cannot be told afterwards."
    remediation = "Give it a log group and a level (ERROR at least)."
    references = ("https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for machine in account.state_machines:
            if machine.log_level == "OFF":
                yield Violation(machine.arn, "Its logging level is OFF.")


class SecretInDefinition(Check):
    id = "secret-in-definition"
    category = "state machines"
    severity = "high"
    title = "A secret seems to stand in the definition"
    risk = "Whoever may read the state machine, or one of its executions, reads the secret too."
    remediation = "Keep it in Secrets Manager and let the task that needs it fetch it; or use a connection."
    references = ("https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for machine in account.state_machines:
            try:
                places = list(find_secrets(json.loads(machine.definition)))
            except ValueError:
                continue  # An encrypted definition that the audit may not read comes back empty.
            if places:
                yield Violation(machine.arn, f"Look at {', '.join(places)}.")


class OldMetadataService(Check):
    id = "instance-without-imdsv2"
    category = "instances"
    severity = "medium"
    title = "The instance answers old metadata requests"
    risk = "A program that can be tricked into one request gives away the credentials of the instance's role."
    remediation = "Set HttpTokens to required on the instance, and as the account's default."
    references = (
        "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html",
    )

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for instance in account.instances:
            if not instance.requires_tokens:
                yield Violation(
                    instance.arn,
                    "HttpTokens is optional.",
                    severity=self.severity if instance.profile_arn else "low",
                    snippet={
                        "Effect": "Deny",
                        "Action": "ec2:RunInstances",
                        "Resource": "arn:aws:ec2:*:*:instance/*",
                        "Condition": {"StringNotEquals": {"ec2:MetadataHttpTokens": "required"}},
                    },
                )


class BucketWithoutBlock(Check):
    id = "bucket-without-public-access-block"
    category = "buckets"
    severity = "medium"
    title = "The bucket may be made public"
    risk = "One wrong ACL or policy, and the world reads or writes the bucket."
    remediation = "Switch all four settings of the public access block on, best for the whole account."
    references = (
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    )

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for bucket in account.buckets:
            if missing := [name for name in BLOCK_SETTINGS if name not in bucket.blocked]:
                yield Violation(bucket.arn, f"Not set: {', '.join(missing)}.")


class PublicBucketPolicy(Check):
    id = "public-bucket-policy"
    category = "buckets"
    severity = "critical"
    title = "The bucket's policy lets anybody in"
    risk = "Strangers read the bucket's objects, or write what your programs then read."
    remediation = "Name the principals, or add a condition on aws:PrincipalOrgID or on the VPC endpoint."
    references = (
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status",
    )

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for bucket in account.buckets:
            opened = find_open(bucket.policy)
            if opened and "RestrictPublicBuckets" not in bucket.blocked:
                yield _opened(bucket.arn, opened, account, list(opened.resources))


class PublicKey(Check):
    id = "public-key-policy"
    category = "keys"
    severity = "critical"
    title = "The key's policy lets anybody use the key"
    risk = "What is encrypted with it is as good as in clear for any account that can get hold of it."
    remediation = "Name the principals, or add a condition on kms:CallerAccount."
    references = ("https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for key in account.keys:
            opened = find_open(key.policy, _KEY_CALLER_KEYS)
            if opened:
                yield _opened(key.arn, opened, account, "*")
