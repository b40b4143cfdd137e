"""Managed policies: old versions, deprecated ones, ones that nothing uses; and policies kept inline."""

from collections.abc import Iterator

from functions.iam_audit.checks.base import Check, Violation
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account

_VERSIONS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html"
_DEPRECATED = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-deprecated.html"

# AWS's own policies that have been replaced, and by what. IAM says so of others by IsAttachable: false.
_SUCCESSORS = {
    "AWSCodePipelineFullAccess": "AWSCodePipeline_FullAccess",
    "AWSCodePipelineReadOnlyAccess": "AWSCodePipeline_ReadOnlyAccess",
    "AWSConfigRole": "AWS_ConfigRole",
    "AWSElasticBeanstalkFullAccess": "AdministratorAccess-AWSElasticBeanstalk",
    "AWSElasticBeanstalkService": "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
    "AWSLambdaFullAccess": "AWSLambda_FullAccess",
    "AWSLambdaReadOnlyAccess": "AWSLambda_ReadOnlyAccess",
    "AmazonEC2RoleforSSM": "AmazonSSMManagedInstanceCore",
    "AmazonElasticMapReduceEditorsRole": "AmazonEMREditorsRole",
    "AmazonElasticMapReduceFullAccess": "AmazonEMRFullAccessPolicy_v2",
    "AmazonElasticMapReduceReadOnlyAccess": "AmazonEMRReadOnlyAccessPolicy_v2",
    "AmazonElasticMapReduceRole": "AmazonEMRServicePolicy_v2",
    "CloudWatchFullAccess": "CloudWatchFullAccessV2",
}


class OldPolicyVersion(Check):
    id = "old-policy-version"
    category = "policies"
    severity = "low"
    title = "An old version of the policy is in use"
    risk = "Somebody wrote a newer version, perhaps to take rights away, and it does not count."
    remediation = "Make the newest version the default one, or delete it when it was a mistake."
    references = (_VERSIONS,)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for managed in account.managed:
            outdated = managed.default_version != managed.newest_version
            if managed.policy.kind == "customer" and managed.default_version and outdated:
                reason = (
                    f"Its default is {managed.default_version}, its newest version {managed.newest_version}."
                )
                yield Violation(managed.arn, reason)


class DeprecatedPolicy(Check):
    id = "deprecated-policy"
    category = "policies"
    severity = "medium"
    title = "A policy of AWS is attached that AWS has deprecated"
    risk = "AWS no longer keeps it up to date, and replaced it, mostly because it grants too much."
    remediation = "Attach its successor, or better a policy of your own with what is needed."
    references = (_DEPRECATED,)
    weighs_reach = True

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        withdrawn = {managed.arn for managed in account.managed if not managed.attachable}
        for identity in account.identities:
            for policy in identity.policies:
                if policy.kind == "aws" and (policy.name in _SUCCESSORS or policy.arn in withdrawn):
                    successor = _SUCCESSORS.get(policy.name)
                    instead = f"; its successor is {successor}" if successor else ""
                    yield Violation(identity.arn, f"{policy.name} is attached{instead}.")


class UnattachedPolicy(Check):
    id = "unattached-policy"
    category = "policies"
    severity = "informational"
    title = "The policy is attached to nothing"
    risk = "It is one more thing to keep, and one click away from giving rights that nobody has looked at."
    remediation = "Delete it."
    references = ("https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_manage-delete.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for managed in account.managed:
            if managed.policy.kind == "customer" and not managed.attachments and not managed.boundary_uses:
                yield Violation(managed.arn, "No user, group or role has it, as a policy or as a boundary.")


class InlinePolicyOfPeople(Check):
    id = "inline-policy"
    category = "policies"
    severity = "informational"
    title = "A user or group has a policy of its own"
    risk = "An inline policy cannot be shared, versioned or found; people's rights come to differ unseen."
    remediation = "Make it a managed policy and attach it to a group. A role's inline policy is fine."
    references = ("https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for identity in (*account.users, *account.groups):
            names = [policy.name for policy in identity.policies if policy.kind == "inline"]
            if names:
                yield Violation(identity.arn, f"Its inline policies: {', '.join(names)}.")
