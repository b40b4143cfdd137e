"""What a deployment gave to the names in its template, and the template with the values in their place.

Only what policies of roles are written with: Ref, Fn::GetAtt of an ARN, Fn::Sub, Fn::Split and Fn::If.
"""

from collections.abc import Mapping
from typing import Any

from deploy_scripts.cloudformation.sam_template import VARIABLE, conditions_of, defaults, read_template
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.project import TEMPLATE

# AWS::NoValue.
_NOTHING = object()
# Type of resource -> its ARN, from its physical id: what Fn::GetAtt Arn gives.
_ARNS = {
    "AWS::S3::Bucket": "arn:{partition}:s3:::{id}",
    "AWS::DynamoDB::Table": "arn:{partition}:dynamodb:{region}:{account}:table/{id}",
    "AWS::Lambda::Function": "arn:{partition}:lambda:{region}:{account}:function:{id}",
    "AWS::Logs::LogGroup": "arn:{partition}:logs:{region}:{account}:log-group:{id}:*",
    "AWS::IAM::Role": "arn:{partition}:iam::{account}:role/{stack}/{id}",
}


def deployed_values(deployment: Deployment) -> dict[str, str]:
    """`DataBucket`, `DataBucket.Arn`, `AWS::Region`, a parameter's name, ... -> its value here."""
    aws = deployment.aws
    place = {
        "partition": aws.partition.name,
        "region": aws.region,
        "account": aws.account_id,
        "stack": aws.stack,
    }
    values = {**aws.pseudo_parameters}
    stack = aws.cloudformation.describe_stacks(StackName=aws.stack)["Stacks"][0]
    values |= {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
    pages = aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=aws.stack)
    for resource in (each for page in pages for each in page["StackResourceSummaries"]):
        name, physical_id = resource["LogicalResourceId"], resource.get("PhysicalResourceId", "")
        values[name] = physical_id
        if form := _ARNS.get(resource["ResourceType"]):
            values[f"{name}.Arn"] = form.format(**place, id=physical_id)
    template = read_template(TEMPLATE)
    # The stack may be of a version that had fewer parameters.
    return {**values, **condition_values(template, {**defaults(template), **values})}


def fill_in(part: Any, values: Mapping[str, str]) -> Any:
    """A part of the template with each reference replaced by its value, and without what is AWS::NoValue.

    The value of a condition is "true" or "false", under condition_name().

    Raises CliError for a name without a value, or a function that policies are not written with.
    """
    if isinstance(part, list):
        filled = [fill_in(each, values) for each in part]
        return [each for each in filled if each is not _NOTHING]
    if not isinstance(part, dict):
        return part
    if len(part) == 1:
        ((name, argument),) = part.items()
        if name == "Ref" or name.startswith("Fn::"):
            return _call(name, argument, values)
    members = {name: fill_in(each, values) for name, each in part.items()}
    return {name: each for name, each in members.items() if each is not _NOTHING}


def condition_name(condition: str) -> str:
    return f"Condition {condition}"


def condition_holds(condition: str | None, values: Mapping[str, str]) -> bool:
    """Whether a resource under this condition is made; one without a condition is.

    Raises CliError where the values do not tell.
    """
    return condition is None or _value(condition_name(condition), values) == "true"


def condition_values(template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, str]:
    """The values of the template's conditions, for fill_in()."""
    held = conditions_of(template, parameters)
    return {condition_name(name): str(holds).lower() for name, holds in held.items()}


def _call(name: str, argument: Any, values: Mapping[str, str]) -> Any:
    """What a function of CloudFormation's gives."""
    match name, argument:
        case "Ref", "AWS::NoValue":
            return _NOTHING
        case "Fn::If", [condition, then, otherwise]:
            return fill_in(then if condition_holds(condition, values) else otherwise, values)
        case "Ref" | "Fn::GetAtt", _:
            return _value(argument if isinstance(argument, str) else ".".join(argument), values)
        case "Fn::Sub", str():
            return VARIABLE.sub(lambda match: _value(match[1], values), argument)
        case "Fn::Join", [separator, list() as parts]:
            return separator.join(fill_in(parts, values))
        case "Fn::Split", [separator, text]:
            return fill_in(text, values).split(separator)
        case _:
            raise CliError(
                f"A role of the template is written with {name}, which `verify-permissions` cannot read."
            )


def _value(name: str, values: Mapping[str, str]) -> str:
    if name not in values:
        raise CliError(
            f"The template names {name}, to which the recorded deployment gave no value.",
            "Record anew: `dropserve verify-permissions`.",
        )
    return values[name]
