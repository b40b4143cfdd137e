"""AWS access: one snapshot of the account, every list read once.

A call that is refused or fails becomes a named gap of the snapshot: the audit reports what it could not see.
Throttling is retried by the clients themselves.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.common.observability import logger
from functions.iam_audit.authorization_details import (
    LISTS,
    AuthorizationDetailsError,
    account_from_authorization_details,
)
from functions.iam_audit.policies import PolicyError, Statement, parse_policy
from functions.iam_audit.snapshot import Account, Function, Gap, Model

# One call for each function and each model: more would outlast the function's time on a big account.
MAX_FUNCTION_POLICIES = 200
MAX_MODELS = 100

IAM_GAP = "iam:GetAccountAuthorizationDetails"


def read_account(*, iam: Any, lambda_: Any, sagemaker: Any, taken_at: datetime) -> Account:
    """The account's IAM, and the Lambda functions and SageMaker models of the clients' region."""
    gaps: list[Gap] = []
    account = _read_iam(iam, taken_at, gaps)
    functions = _read_functions(lambda_, gaps)
    models = _read_models(sagemaker, gaps)
    return replace(
        account,
        account_id=account.account_id or _account_of([*functions, *models]),
        region=lambda_.meta.region_name,
        functions=tuple(functions),
        models=tuple(models),
        gaps=(*account.gaps, *gaps),
    )


def _read_iam(iam: Any, taken_at: datetime, gaps: list[Gap]) -> Account:
    details: dict[str, list[Any]] = {name: [] for name in LISTS}

    def read_pages() -> None:
        paginator = iam.get_paginator("get_account_authorization_details")
        for page in paginator.paginate(PaginationConfig={"PageSize": 1000}):
            for name in LISTS:
                details[name].extend(page.get(name, ()))

    _attempt(IAM_GAP, read_pages, gaps)
    try:
        return account_from_authorization_details(details, taken_at=taken_at)
    except AuthorizationDetailsError as error:
        gaps.append(Gap(IAM_GAP, str(error)))
        return Account(account_id=None, taken_at=taken_at)


def _read_functions(lambda_: Any, gaps: list[Gap]) -> list[Function]:
    configurations: list[Mapping[str, Any]] = []

    def read_pages() -> None:
        for page in lambda_.get_paginator("list_functions").paginate():
            configurations.extend(page["Functions"])

    _attempt("lambda:ListFunctions", read_pages, gaps)
    if len(configurations) > MAX_FUNCTION_POLICIES:
        reason = (
            f"only the first {MAX_FUNCTION_POLICIES} of {len(configurations)} function policies were read"
        )
        gaps.append(Gap("lambda:GetPolicy", reason))
    policies = _read_function_policies(lambda_, configurations[:MAX_FUNCTION_POLICIES], gaps)
    return [_function(configuration, policies, gaps) for configuration in configurations]


def _function(
    configuration: Mapping[str, Any], policies: Mapping[str, tuple[Statement, ...]], gaps: list[Gap]
) -> Function:
    arn, environment = configuration["FunctionArn"], configuration.get("Environment", {})
    if error := environment.get("Error"):
        # Lambda could not decrypt the variables: it names the cause in the place of their values.
        gaps.append(
            Gap(f"environment of {arn}", f"Lambda does not show it: {error.get('ErrorCode', 'unknown')}")
        )
    return Function(
        arn=arn,
        name=configuration["FunctionName"],
        runtime=configuration.get("Runtime"),
        in_vpc=bool(configuration.get("VpcConfig", {}).get("VpcId")),
        environment=environment.get("Variables", {}),
        policy=policies.get(arn, ()),
    )


def _read_function_policies(
    lambda_: Any, configurations: Iterable[Mapping[str, Any]], gaps: list[Gap]
) -> dict[str, tuple[Statement, ...]]:
    policies: dict[str, tuple[Statement, ...]] = {}
    for configuration in configurations:
        arn = configuration["FunctionArn"]
        try:
            policies[arn] = parse_policy(lambda_.get_policy(FunctionName=arn)["Policy"])
        except lambda_.exceptions.ResourceNotFoundException:
            continue  # The function has no policy: nobody outside its account may call it.
        except PolicyError as error:
            gaps.append(Gap(f"policy of {arn}", str(error)))
        except (ClientError, BotoCoreError) as error:
            # What refuses one function's policy refuses the next: one gap, not one a function.
            gaps.append(Gap("lambda:GetPolicy", str(error)))
            break
    return policies


def _read_models(sagemaker: Any, gaps: list[Gap]) -> list[Model]:
    names: list[str] = []

    def read_names() -> None:
        pages = sagemaker.get_paginator("list_models").paginate(
            SortBy="CreationTime", SortOrder="Descending", PaginationConfig={"MaxItems": MAX_MODELS + 1}
        )
        names.extend(model["ModelName"] for page in pages for model in page["Models"])

    _attempt("sagemaker:ListModels", read_names, gaps)
    if len(names) > MAX_MODELS:
        gaps.append(Gap("sagemaker:DescribeModel", f"only the newest {MAX_MODELS} models were described"))
    return _describe_models(sagemaker, names[:MAX_MODELS], gaps)


def _describe_models(sagemaker: Any, names: Iterable[str], gaps: list[Gap]) -> list[Model]:
    models: list[Model] = []
    for name in names:
        try:
            model = sagemaker.describe_model(ModelName=name)
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] == "ValidationException":
                continue  # The model was deleted after it was listed.
            gaps.append(Gap("sagemaker:DescribeModel", str(error)))
            break
        in_vpc = bool(model.get("VpcConfig", {}).get("Subnets"))
        models.append(Model(arn=model["ModelArn"], name=name, in_vpc=in_vpc))
    return models


def _attempt(name: str, read: Callable[[], None], gaps: list[Gap]) -> None:
    """Run a read; when AWS refuses or fails it, note the gap and go on with what was read."""
    try:
        read()
    except (ClientError, BotoCoreError) as error:
        logger.warning(
            "the audit could not read a part of the account", extra={"gap": name, "cause": str(error)}
        )
        gaps.append(Gap(name, str(error)))


def _account_of(resources: Iterable[Function | Model]) -> str | None:
    return next((resource.arn.split(":")[4] for resource in resources), None)
