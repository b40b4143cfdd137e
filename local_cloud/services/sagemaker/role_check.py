"""Whether SageMaker may act as a role, and what it sees when it does."""

import json
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

from local_cloud.services.aws_clients import ClientFactory
from local_cloud.services.sagemaker.names import invalid

_PRINCIPAL = "sagemaker.amazonaws.com"


def service_role(account_id: str) -> str:
    """The role that SageMaker itself acts as, where no role of the customer's is given."""
    return f"arn:aws:iam::{account_id}:role/aws-service-role/{_PRINCIPAL}/AWSServiceRoleForAmazonSageMaker"


def check_role(clients: ClientFactory, role_arn: str, account_id: str, region: str) -> None:
    """Raises AwsError ValidationException when the role is missing or does not trust SageMaker."""
    iam = clients("iam", service_role(account_id), region)
    try:
        role = iam.get_role(RoleName=role_arn.rsplit("/", 1)[-1])["Role"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        role = None
    if role is None or role["Arn"] != role_arn or not _trusts_sagemaker(role["AssumeRolePolicyDocument"]):
        raise invalid(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{_PRINCIPAL}' to assume the role."
        )


def _trusts_sagemaker(policy: Any) -> bool:
    document = json.loads(unquote(policy)) if isinstance(policy, str) else policy
    return any(
        statement.get("Effect") == "Allow"
        and _PRINCIPAL in _listed(statement.get("Principal", {}).get("Service"))
        and {"sts:AssumeRole", "sts:*", "*"} & set(_listed(statement.get("Action")))
        for statement in _listed(document.get("Statement"))
        if isinstance(statement.get("Principal"), dict)
    )


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
