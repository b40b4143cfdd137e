"""Lambda functions: who may call them, what they hold, what they run on."""

from collections.abc import Iterator

from functions.iam_audit.checks.base import Check, Violation
from functions.iam_audit.lambda_runtimes import RUNTIME_ENDS
from functions.iam_audit.reachability import find_open
from functions.iam_audit.secrets_in_text import looks_secret
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account

_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg"


class PublicFunction(Check):
    id = "public-function"
    category = "functions"
    severity = "critical"
    title = "Anybody may call the function"
    risk = "Strangers can run the function, at your cost and with its role's rights."
    remediation = (
        "Name the caller in the function's policy, or add a condition on aws:SourceAccount or aws:SourceArn."
    )
    references = (f"{_GUIDE}/access-control-resource-based.html", f"{_GUIDE}/urls-auth.html")

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for function in account.functions:
            for policy in function.policies:
                grant = find_open(policy.statements)
                if grant:
                    which = f"The policy of {policy.qualifier}" if policy.qualifier else "Its policy"
                    yield Violation(
                        function.arn,
                        f"{which} admits any principal, with no condition on the caller.",
                        snippet={
                            "Effect": "Allow",
                            "Principal": {"Service": "SERVICE.amazonaws.com"},
                            "Action": "lambda:InvokeFunction",
                            "Resource": function.arn,
                            "Condition": {"StringEquals": {"aws:SourceAccount": function.arn.split(":")[4]}},
                        },
                        conditions=tuple(map(str, grant.conditions)),
                    )


class SecretInEnvironment(Check):
    id = "secret-in-environment"
    category = "functions"
    severity = "high"
    title = "A secret seems to stand in the environment"
    risk = "Whoever may read the function's configuration reads the secret too."
    remediation = "Keep it in Secrets Manager or as an SSM SecureString, and give the function its name only."
    references = (f"{_GUIDE}/configuration-envvars.html#configuration-envvars-retrieve",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for function in account.functions:
            # Names only: a report must never repeat a secret.
            names = sorted(name for name, value in function.environment.items() if looks_secret(name, value))
            if names:
                yield Violation(function.arn, f"Look at its environment variables {', '.join(names)}.")


class DeprecatedRuntime(Check):
    id = "deprecated-runtime"
    category = "functions"
    severity = "medium"
    title = "The function's runtime is deprecated"
    risk = "AWS no longer patches it; after a while the function can no longer be updated."
    remediation = "Move the function to a supported runtime."
    references = (f"{_GUIDE}/lambda-runtimes.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for function in account.functions:
            end = RUNTIME_ENDS.get(function.runtime or "")
            if end and end <= account.taken_at.date():
                yield Violation(
                    function.arn, f"AWS ended the support of {function.runtime} on {end.isoformat()}."
                )


class FunctionOutsideVpc(Check):
    id = "function-outside-vpc"
    category = "functions"
    severity = "informational"
    title = "The function runs outside a VPC"
    risk = "It reaches the whole internet; no network rule of yours limits where it may send data."
    remediation = (
        "Attach it to private subnets when it needs a private resource, or when its traffic must be limited."
    )
    references = (f"{_GUIDE}/configuration-vpc.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for function in account.functions:
            if not function.in_vpc:
                yield Violation(function.arn, "It is attached to no VPC.")


class UnsignedCode(Check):
    id = "function-without-code-signing"
    category = "functions"
    severity = "informational"
    title = "The function runs code that nobody signed"
    risk = "Whoever may update the function can put any code into it; nothing asks where it comes from."
    remediation = "Sign the zips with AWS Signer and give the function a code signing configuration."
    references = (f"{_GUIDE}/configuration-codesigning.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for function in account.functions:
            # A container image cannot have one; None is a configuration that could not be read.
            if function.runtime and function.code_signing is False:
                yield Violation(function.arn, "It has no code signing configuration.")


class EnvironmentWithoutOwnKey(Check):
    id = "environment-without-own-key"
    category = "functions"
    severity = "informational"
    title = "The environment is encrypted with AWS's key, not with one of your own"
    risk = "Whoever may read the function's configuration reads the variables; a key's policy could say no."
    remediation = "Give the function a KMS key (KmsKeyArn) when its variables are confidential."
    references = (f"{_GUIDE}/configuration-envvars-encryption.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for function in account.functions:
            if function.environment and not function.key_arn:
                yield Violation(
                    function.arn, f"{len(function.environment)} variables, and no key of your own."
                )


class SharedRole(Check):
    id = "shared-function-role"
    category = "functions"
    severity = "low"
    title = "Functions share a role"
    risk = "Each of them has what any of them needs, and a log of the role's calls does not tell them apart."
    remediation = "Give each function a role of its own."
    references = (f"{_GUIDE}/lambda-intro-execution-role.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        users: dict[str, list[str]] = {}
        for function in account.functions:
            if function.role_arn:
                users.setdefault(function.role_arn, []).append(function.name)
        for arn, names in users.items():
            if len(names) > 1:
                yield Violation(arn, f"It is the role of {', '.join(sorted(names))}.")
