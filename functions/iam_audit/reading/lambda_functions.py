"""Lambda functions with their settings, their own policies and those of their aliases and versions."""

from collections.abc import Iterator, Mapping
from typing import Any

from functions.iam_audit.policy.policies import PolicyError, parse_policy
from functions.iam_audit.reading.sweep import Sweep
from functions.iam_audit.snapshot import Function, FunctionPolicy

MAX_FUNCTIONS_IN_DETAIL = 100
MAX_QUALIFIED_POLICIES = 300

_NO_POLICY = ("ResourceNotFoundException",)


def read_functions(sweep: Sweep) -> tuple[Function, ...]:
    """Every function; policies and code signing of the first MAX_FUNCTIONS_IN_DETAIL."""
    configurations = [
        configuration
        for page in sweep.pages("lambda", "list_functions", FunctionVersion="ALL")
        for configuration in page["Functions"]
    ]
    unpublished = [each for each in configurations if each.get("Version", "$LATEST") == "$LATEST"]
    detailed = sweep.first(unpublished, MAX_FUNCTIONS_IN_DETAIL, "lambda", "get_policy", "functions")
    names = {each["FunctionName"] for each in detailed}
    published = [each for each in configurations if each.get("Version", "$LATEST") != "$LATEST"]
    qualifiers = [
        *_aliases(sweep, detailed),
        *((each["FunctionName"], each["Version"]) for each in published if each["FunctionName"] in names),
    ]
    qualified: dict[str, list[str]] = {}
    for name, qualifier in sweep.first(
        qualifiers, MAX_QUALIFIED_POLICIES, "lambda", "get_policy", "aliases and versions"
    ):
        qualified.setdefault(name, []).append(qualifier)
    return tuple(
        _function(
            sweep, each, qualified.get(each["FunctionName"], []), detailed=each["FunctionName"] in names
        )
        for each in unpublished
    )


def _aliases(sweep: Sweep, configurations: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for configuration in configurations:
        if sweep.was_refused("lambda", "list_aliases"):
            return
        name = configuration["FunctionName"]
        for page in sweep.pages("lambda", "list_aliases", FunctionName=name):
            yield from ((name, alias["Name"]) for alias in page["Aliases"])


def _function(
    sweep: Sweep, configuration: Mapping[str, Any], qualifiers: list[str], *, detailed: bool
) -> Function:
    # ListFunctions of all versions names the version at the end of $LATEST's ARN too.
    arn = configuration["FunctionArn"].removesuffix(":$LATEST")
    environment = configuration.get("Environment") or {}
    if error := environment.get("Error"):
        # Lambda could not decrypt the variables: it names the cause in the place of their values.
        sweep.gap(f"environment of {arn}", f"Lambda does not show it: {error.get('ErrorCode', 'unknown')}")
    return Function(
        arn=arn,
        name=configuration["FunctionName"],
        runtime=configuration.get("Runtime"),
        in_vpc=bool((configuration.get("VpcConfig") or {}).get("VpcId")),
        environment=environment.get("Variables", {}),
        policies=tuple(_policies(sweep, arn, qualifiers)) if detailed else (),
        role_arn=configuration.get("Role"),
        key_arn=configuration.get("KMSKeyArn"),
        code_signing=_code_signing(sweep, configuration) if detailed else None,
    )


def _policies(sweep: Sweep, arn: str, qualifiers: list[str]) -> Iterator[FunctionPolicy]:
    for qualifier in (None, *qualifiers):
        which = {"Qualifier": qualifier} if qualifier else {}
        answer = sweep.detail("lambda", "get_policy", absent=_NO_POLICY, FunctionName=arn, **which)
        if answer is None:
            continue  # There is no policy: nobody outside the account may call it.
        try:
            yield FunctionPolicy(qualifier, parse_policy(answer["Policy"]))
        except PolicyError as error:
            sweep.gap(f"policy of {arn}{':' + qualifier if qualifier else ''}", str(error))


def _code_signing(sweep: Sweep, configuration: Mapping[str, Any]) -> bool | None:
    if configuration.get("PackageType") == "Image":
        return None
    name = configuration["FunctionName"]
    answer = sweep.detail("lambda", "get_function_code_signing_config", absent=_NO_POLICY, FunctionName=name)
    return None if answer is None else bool(answer.get("CodeSigningConfigArn"))
