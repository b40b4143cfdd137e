"""Lambda functions: who may call them, what they hold, what they run on."""

import re
from collections.abc import Iterator
from datetime import date

from functions.iam_audit.checks.base import Check, Problem
from functions.iam_audit.checks.trust import CALLER_KEYS, admits_anyone
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account

# The day on which Lambda stops patching a runtime.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_RUNTIME_ENDS = {
    "dotnet10": date(2028, 11, 14),
    "dotnet6": date(2024, 12, 20),
    "dotnet8": date(2026, 11, 10),
    "dotnetcore1.0": date(2019, 6, 27),
    "dotnetcore2.0": date(2019, 5, 30),
    "dotnetcore2.1": date(2022, 1, 5),
    "dotnetcore3.1": date(2023, 4, 3),
    "go1.x": date(2024, 1, 8),
    "java11": date(2027, 6, 30),
    "java17": date(2027, 6, 30),
    "java21": date(2029, 6, 30),
    "java25": date(2029, 6, 30),
    "java8": date(2024, 1, 8),
    "java8.al2": date(2027, 6, 30),
    "nodejs": date(2016, 8, 30),
    "nodejs10.x": date(2021, 7, 30),
    "nodejs12.x": date(2023, 3, 31),
    "nodejs14.x": date(2023, 12, 4),
    "nodejs16.x": date(2024, 6, 12),
    "nodejs18.x": date(2025, 9, 1),
    "nodejs20.x": date(2026, 4, 30),
    "nodejs22.x": date(2027, 4, 30),
    "nodejs24.x": date(2028, 4, 30),
    "nodejs4.3": date(2020, 3, 5),
    "nodejs4.3-edge": date(2020, 3, 5),
    "nodejs6.10": date(2019, 8, 12),
    "nodejs8.10": date(2020, 3, 6),
    "provided": date(2024, 1, 8),
    "provided.al2": date(2026, 7, 31),
    "provided.al2023": date(2029, 6, 30),
    "python2.7": date(2021, 7, 15),
    "python3.10": date(2026, 10, 31),
    "python3.11": date(2027, 6, 30),
    "python3.12": date(2028, 10, 31),
    "python3.13": date(2029, 6, 30),
    "python3.14": date(2029, 6, 30),
    "python3.6": date(2022, 7, 18),
    "python3.7": date(2023, 12, 4),
    "python3.8": date(2024, 10, 14),
    "python3.9": date(2025, 12, 15),
    "ruby2.5": date(2021, 7, 30),
    "ruby2.7": date(2023, 12, 7),
    "ruby3.2": date(2026, 3, 31),
    "ruby3.3": date(2027, 3, 31),
    "ruby3.4": date(2028, 3, 31),
    "ruby4.0": date(2029, 3, 31),
}

_SECRET_NAME = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|SECRET_?KEY"
    r"|SIGNING_?KEY|ENCRYPTION_?KEY)$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"\b(AKIA|ASIA)[A-Z2-7]{16}\b"  # an AWS access key id
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}\b"  # GitHub
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}"  # Slack
    r"|\bsk_live_[A-Za-z0-9]{16,}"  # Stripe
    r"|://[^/\s:@]+:[^/\s:@]+@"  # a URL with a password
)
# Where a secret is kept, or a switch, is no secret.
_REFERENCE = re.compile(r"arn:.*|/[\w./-]+|\{\{resolve:.*|true|false|\d{1,6}|", re.IGNORECASE | re.DOTALL)


class PublicFunction(Check):
    id = "public-function"
    category = "functions"
    severity = "critical"
    title = "Anybody may call the function"
    risk = "Strangers can run the function, at your cost and with its role's rights."
    remediation = (
        "Name the caller in the function's policy, or add a condition on aws:SourceAccount or aws:SourceArn."
    )

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for function in account.functions:
            if any(
                statement.is_allow and admits_anyone(statement) and not statement.is_narrowed_by(CALLER_KEYS)
                for statement in function.policy
            ):
                yield Problem(
                    function.arn, "Its policy admits any principal, with no condition on the caller."
                )


class SecretInEnvironment(Check):
    id = "secret-in-environment"
    category = "functions"
    severity = "high"
    title = "A secret seems to stand in the environment"
    risk = "Whoever may read the function's configuration reads the secret too."
    remediation = "Keep it in Secrets Manager or as an SSM SecureString, and give the function its name only."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for function in account.functions:
            # Names only: a report must never repeat a secret.
            names = sorted(name for name, value in function.environment.items() if _looks_secret(name, value))
            if names:
                yield Problem(function.arn, f"Look at its environment variables {', '.join(names)}.")


def _looks_secret(name: str, value: str) -> bool:
    if _SECRET_VALUE.search(value):
        return True
    return _SECRET_NAME.search(name) is not None and _REFERENCE.fullmatch(value) is None


class DeprecatedRuntime(Check):
    id = "deprecated-runtime"
    category = "functions"
    severity = "medium"
    title = "The function's runtime is deprecated"
    risk = "AWS no longer patches it; after a while the function can no longer be updated."
    remediation = "Move the function to a supported runtime."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for function in account.functions:
            end = _RUNTIME_ENDS.get(function.runtime or "")
            if end and end <= account.taken_at.date():
                yield Problem(
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

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for function in account.functions:
            if not function.in_vpc:
                yield Problem(function.arn, "It is attached to no VPC.")
