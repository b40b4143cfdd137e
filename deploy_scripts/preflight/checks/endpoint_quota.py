"""Endpoint instances: enough to serve, and as many again while a release stands beside the one before."""

import re
from collections.abc import Iterator

from deploy_scripts.endpoint_type import ENDPOINT_TYPE, check_endpoint_type
from deploy_scripts.errors import CliError
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent

NAME = "endpoint instances"
# As the errors of CreateEndpoint have it:
# https://github.com/aws-samples/sagemaker-custom-project-templates/issues/51
_QUOTA = re.compile(r"(ml\.[a-z0-9.-]+) for endpoint usage")
_AT_MOST_NAMED = 4


def check(intent: Intent) -> Iterator[Finding]:
    """The count that serves at rest is MinInstances; under load it may grow to MaxInstances."""
    quotas = intent.quotas.of("sagemaker")
    name = f"{intent.endpoint_type} for endpoint usage"
    quota = quotas.get(name)
    if quota is None:
        yield Finding(NAME, "warn", f"Service Quotas lists no quota '{name}' in {intent.aws.region}.")
        return
    least, most = intent.number("MinInstances"), intent.number("MaxInstances")
    has = f"'{name}' is {quota.value:g}"
    if quota.value >= 2 * most:
        yield Finding(NAME, "ok", f"{has}, a switch at MaxInstances={most} needs {2 * most}")
        return
    asking = intent.quotas.how_to_ask(quota, 2 * most)
    if quota.value < least:
        yield Finding(
            NAME, "fail", f"{has}, and MinInstances={least}.", _other_types(intent, 2 * least), **asking
        )
    elif quota.value < 2 * least:
        found = f"{has}: the first release stands, but not a second one beside it."
        yield Finding(NAME, "warn", found, _other_types(intent, 2 * least), **asking)
    else:
        found = (
            f"{has}: enough for a switch at {least}, not at MaxInstances={most} (a switch needs twice "
            "the count that serves)."
        )
        yield Finding(NAME, "warn", found, "Ask for more before there is load.", **asking)


def _other_types(intent: Intent, needed: int) -> str:
    """The types that the account may use now, those with the fewest instances last."""
    found = {}
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
