"""The report as AWS Security Findings (ASFF), and sending them to Security Hub.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html
"""

from collections.abc import Mapping
from typing import Any

from drops.text import printable
from functions.common.errors import DropserveError
from functions.iam_audit.reports.finding_ids import with_ids

# https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html
BATCH_SIZE = 100
_TITLE_CHARACTERS, _DESCRIPTION_CHARACTERS, _TEXT_CHARACTERS = 256, 1024, 512

_TYPE = "Software and Configuration Checks/AWS Security Best Practices"
# (service, beginning of the resource part of the ARN) -> type of resource:
# https://docs.aws.amazon.com/securityhub/latest/userguide/asff-resources.html
_RESOURCE_TYPES = {
    ("iam", "role"): "AwsIamRole",
    ("iam", "user"): "AwsIamUser",
    ("iam", "group"): "AwsIamGroup",
    ("iam", "policy"): "AwsIamPolicy",
    ("iam", "root"): "AwsAccount",
    ("lambda", "function"): "AwsLambdaFunction",
    ("s3", ""): "AwsS3Bucket",
    ("kms", "key"): "AwsKmsKey",
    ("ec2", "instance"): "AwsEc2Instance",
    ("states", "stateMachine"): "AwsStepFunctionStateMachine",
    ("sagemaker", "notebook-instance"): "AwsSageMakerNotebookInstance",
}


class SecurityHubError(DropserveError):
    """Security Hub did not take every finding."""


def to_asff(report: Mapping[str, Any], *, region: str) -> list[dict[str, Any]]:
    """One entry a finding; those that are suppressed, or gone since the last audit, are ARCHIVED.

    Raises SecurityHubError when the report does not know its account, without which no finding has an owner.
    """
    account = report["account"]
    if account is None:
        raise SecurityHubError(
            "the account of the report is unknown: a finding for Security Hub must name it"
        )
    resting = [*with_ids(report["suppressed"]), *with_ids(report["changes"]["gone"])]
    entries = [
        *((name, each, "ACTIVE") for name, each in with_ids(report["findings"])),
        *((name, each, "ARCHIVED") for name, each in resting),
    ]
    checks = {check["id"]: check for check in report["checks"]}
    common = {
        "SchemaVersion": "2018-10-08",
        "ProductArn": f"arn:{_partition(region)}:securityhub:{region}:{account}:product/{account}/default",
        "AwsAccountId": account,
        "UpdatedAt": _utc(report["generated_at"]),
    }
    return [
        {**common, **_finding(name, each, checks.get(each["check"]), account, region), "RecordState": state}
        for name, each, state in entries
    ]


def send(findings: list[dict[str, Any]], *, securityhub: Any) -> int:
    """Import all, a hundred a call; gives their number. Raises SecurityHubError naming the first refusal."""
    refused: list[Mapping[str, str]] = []
    for start in range(0, len(findings), BATCH_SIZE):
        answer = securityhub.batch_import_findings(Findings=findings[start : start + BATCH_SIZE])
        refused += answer.get("FailedFindings", [])
    if refused:
        first = refused[0]
        raise SecurityHubError(
            f"Security Hub refused {len(refused)} of {len(findings)} findings; "
            f"the first, {first['Id']}: {first['ErrorCode']}: {first['ErrorMessage']}"
        )
    return len(findings)


def _finding(
    name: str, finding: Mapping[str, Any], check: Mapping[str, Any] | None, account: str, region: str
) -> dict[str, Any]:
    return {
        "Id": f"{region}/{account}/dropserve-iam-audit/{name}",
        "GeneratorId": f"dropserve-iam-audit/{finding['check']}",
        "Types": [_TYPE],
        "CreatedAt": _utc(finding["first_seen"]),
        "Severity": {"Label": finding["severity"].upper()},
        "Title": printable(finding["title"], _TITLE_CHARACTERS),
        "Description": printable(finding["reason"], _DESCRIPTION_CHARACTERS),
        "Resources": [_resource(finding["resource"], account, region)],
        "ProductFields": {
            "dropserve/category": finding["category"],
            "dropserve/pipeline-role": str(finding["pipeline_role"]).lower(),
        },
        **_remediation(check),
    }


def _remediation(check: Mapping[str, Any] | None) -> dict[str, Any]:
    """None for a finding that is gone together with its check."""
    if check is None:
        return {}
    text = printable(check["remediation"], _TEXT_CHARACTERS)
    return {"Remediation": {"Recommendation": {"Text": text, "Url": check["references"][0]}}}


def _resource(arn: str, account: str, region: str) -> dict[str, str]:
    parts = arn.split(":", 5)
    kind = parts[5].replace("/", ":").partition(":")[0] if len(parts) == 6 else ""
    service = parts[2] if len(parts) == 6 else ""
    resource_type = _RESOURCE_TYPES.get((service, "" if service == "s3" else kind), "Other")
    name = f"AWS::::Account:{account}" if resource_type == "AwsAccount" else arn
    return {"Type": resource_type, "Id": name, "Partition": _partition(region), "Region": region}


def _partition(region: str) -> str:
    return {"cn": "aws-cn"}.get(
        region.partition("-")[0], "aws-us-gov" if region.startswith("us-gov-") else "aws"
    )


def _utc(moment: str) -> str:
    return moment.replace("+00:00", "Z")
