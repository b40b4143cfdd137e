"""What the endpoint takes: enough to serve, and as much again while a release stands beside another."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deploy_scripts.errors import CliError
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent
from deploy_scripts.settings.endpoint_type import ENDPOINT_TYPE, check_endpoint_type
from functions.common.service_quotas import Quota

NAME, SERVERLESS_NAME = "endpoint instances", "serverless concurrency"
# L-96300102 in the console: https://us-east-1.console.aws.amazon.com/servicequotas/home/services/sagemaker/quotas/L-96300102
_CONCURRENCY = "Maximum total concurrency that can be allocated across all serverless endpoints"
# As the errors of CreateEndpoint have it:
# https://github.com/aws-samples/sagemaker-custom-project-templates/issues/51
_QUOTA = re.compile(r"(ml\.[a-z0-9.-]+) for endpoint usage")
_AT_MOST_NAMED = 4


@dataclass(frozen=True)
class _Capacity:
    """What an endpoint's quota counts. `least` and `most`: the parameters that say how much of it serves.

    `instead` says what to do where there is no room for twice the least.
    """

    check: str
    quota: str
    least: str
    most: str
    instead: Callable[[Intent, Quota], str]


def check(intent: Intent) -> Iterator[Finding]:
    """Of the endpoint's kind. MinInstances serve at rest; under load they may grow to MaxInstances."""
    if intent.is_serverless:
        name = "ServerlessMaxConcurrency"
        yield _found(intent, _Capacity(SERVERLESS_NAME, _CONCURRENCY, name, name, _less_concurrency))
    else:
        quota = f"{intent.endpoint_type} for endpoint usage"
        yield _found(intent, _Capacity(NAME, quota, "MinInstances", "MaxInstances", _other_types))


def _found(intent: Intent, capacity: _Capacity) -> Finding:
    name = capacity.check
    quota = intent.quotas.of("sagemaker").get(capacity.quota)
    if quota is None:
        return Finding(
            name, "warn", f"Service Quotas lists no quota '{capacity.quota}' in {intent.aws.region}."
        )
    least, most = intent.number(capacity.least), intent.number(capacity.most)
    has = f"'{capacity.quota}' is {quota.value:g}"
    if quota.value >= 2 * most:
        return Finding(name, "ok", f"{has}, a switch at {capacity.most}={most} needs {2 * most}")
    asking = intent.quotas.how_to_ask(quota, 2 * most)
    if quota.value >= 2 * least:
        found = (
            f"{has}: enough for a switch at {least}, not at {capacity.most}={most} (a switch needs twice "
            "the count that serves)."
        )
        return Finding(name, "warn", found, "Ask for more before there is load.", **asking)
    instead = capacity.instead(intent, quota)
    if quota.value >= least:
        found = f"{has}: the first release stands, but not a second one beside it."
        return Finding(name, "warn", found, instead, **asking)
    return Finding(name, "fail", f"{has}, and {capacity.least}={least}.", instead, **asking)


def _less_concurrency(_intent: Intent, quota: Quota) -> str:
    """A switch needs twice of it; the parameter is at least 1."""
    if quota.value < 2:
        return "Ask for it."
    return f"Ask for it, or deploy with --parameter ServerlessMaxConcurrency={int(quota.value) // 2}."


def _other_types(intent: Intent, _quota: Quota) -> str:
    """The types that the account may use now, those with the fewest instances last."""
    found = {}
    needed = 2 * intent.number("MinInstances")
    for name, quota in intent.quotas.of("sagemaker").items():
        match = _QUOTA.fullmatch(name)
        if match and quota.value >= needed and _can_serve(match[1]):
            found[match[1]] = quota.value
    if not found:
        return "Ask for it."
    best = sorted(found, key=lambda each: (-found[each], each))[:_AT_MOST_NAMED]
    named = ", ".join(f"{each} ({found[each]:g})" for each in best)
    return f"Ask for it, or take a type that the account has: {named}: --parameter {ENDPOINT_TYPE}={best[0]}"


def _can_serve(instance_type: str) -> bool:
    try:
        check_endpoint_type(instance_type)
    except CliError:
        return False
    return True
