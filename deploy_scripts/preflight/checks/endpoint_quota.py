"""What the endpoint takes: enough to serve, and as much again while a release stands beside another."""

import re
from collections.abc import Iterator

from deploy_scripts.errors import CliError
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent
from deploy_scripts.settings.endpoint_type import ENDPOINT_TYPE, check_endpoint_type

NAME, SERVERLESS_NAME = "endpoint instances", "serverless concurrency"
# L-96300102 in the console: https://us-east-1.console.aws.amazon.com/servicequotas/home/services/sagemaker/quotas/L-96300102
_CONCURRENCY = "Maximum total concurrency that can be allocated across all serverless endpoints"
# As the errors of CreateEndpoint have it:
# https://github.com/aws-samples/sagemaker-custom-project-templates/issues/51
_QUOTA = re.compile(r"(ml\.[a-z0-9.-]+) for endpoint usage")
_AT_MOST_NAMED = 4


def check(intent: Intent) -> Iterator[Finding]:
    """Of the endpoint's kind."""
    return _serverless(intent) if intent.is_serverless else _instances(intent)


def _serverless(intent: Intent) -> Iterator[Finding]:
    quota = intent.quotas.of("sagemaker").get(_CONCURRENCY)
    if quota is None:
        yield Finding(
            SERVERLESS_NAME, "warn", f"Service Quotas lists no '{_CONCURRENCY}' in {intent.aws.region}."
        )
        return
    wanted = intent.number("ServerlessMaxConcurrency")
    has = f"'{_CONCURRENCY}' is {quota.value:g}"
    if quota.value >= 2 * wanted:
        yield Finding(
            SERVERLESS_NAME, "ok", f"{has}, a switch at ServerlessMaxConcurrency={wanted} needs {2 * wanted}"
        )
        return
    asking = intent.quotas.how_to_ask(quota, 2 * wanted)
    least = f"Ask for it, or deploy with --parameter ServerlessMaxConcurrency={int(quota.value) // 2}."
    advice = least if quota.value >= 2 else "Ask for it."
    if quota.value < wanted:
        yield Finding(
            SERVERLESS_NAME, "fail", f"{has}, and ServerlessMaxConcurrency={wanted}.", advice, **asking
        )
    else:
        found = f"{has}: the first release stands, but not a second one beside it."
        yield Finding(SERVERLESS_NAME, "warn", found, advice, **asking)


def _instances(intent: Intent) -> Iterator[Finding]:
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
