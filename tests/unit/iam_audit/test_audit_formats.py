"""The report for other tools: SARIF 2.1.0, and Security Hub's own format."""

import botocore.session
import jsonschema
import pytest
from botocore.stub import Stubber
from botocore.validate import ParamValidator

from functions.iam_audit.reports.sarif import to_sarif
from functions.iam_audit.reports.security_hub import SecurityHubError, send, to_asff
from tests.unit.iam_audit.account_documents import ACCOUNT, allow, managed_policy, role, user
from tests.unit.iam_audit.audit_reports import report_on, suppression

FINE = role("training", path="/dropserve/")
ADMIN, OTHER = role("admin", allow("*")), role("other", allow("*"))
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
# What the specification requires of the objects that are used, and its enumerations.
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/run"}},
    },
    "definitions": {
        "level": {"enum": ["none", "note", "warning", "error"]},
        "run": {
            "type": "object",
            "required": ["tool", "results"],
            "properties": {
                "tool": {
                    "type": "object",
                    "required": ["driver"],
                    "properties": {
                        "driver": {
                            "type": "object",
                            "required": ["name", "rules"],
                            "properties": {"rules": {"items": {"$ref": "#/definitions/rule"}}},
                        }
                    },
                },
                "invocations": {"items": {"type": "object", "required": ["executionSuccessful"]}},
                "results": {"items": {"$ref": "#/definitions/result"}},
            },
        },
        "rule": {
            "type": "object",
            "required": ["id", "shortDescription", "fullDescription", "help"],
            "properties": {
                "shortDescription": TEXT,
                "fullDescription": TEXT,
                "help": TEXT,
                "helpUri": {"type": "string", "pattern": "^https://"},
                "defaultConfiguration": {"properties": {"level": {"$ref": "#/definitions/level"}}},
                "properties": {"properties": {"tags": {"type": "array", "uniqueItems": True}}},
            },
        },
        "result": {
            "type": "object",
            "required": ["message", "ruleId", "ruleIndex", "locations"],
            "properties": {
                "message": TEXT,
                "level": {"$ref": "#/definitions/level"},
                "baselineState": {"enum": ["new", "unchanged", "updated", "absent"]},
                "partialFingerprints": {"additionalProperties": {"type": "string"}},
                "locations": {
                    "items": {
                        "type": "object",
                        "required": ["physicalLocation"],
                        "properties": {
                            "physicalLocation": {
                                "required": ["artifactLocation"],
                                "properties": {"region": {"properties": {"startLine": {"minimum": 1}}}},
                            },
                            "logicalLocations": {"minItems": 1},
                        },
                    }
                },
                "suppressions": {
                    "items": {
                        "required": ["kind"],
                        "properties": {
                            "kind": {"enum": ["inSource", "external"]},
                            "status": {"enum": ["accepted", "underReview", "rejected"]},
                        },
                    }
                },
            },
        },
    },
}


def sarif_of(report):
    document = to_sarif(report, source="details.json")
    jsonschema.validate(document, SARIF)
    return document["runs"][0]


def test_sarif_has_each_check_as_a_rule_and_each_finding_as_a_result():
    report = report_on(FINE, ADMIN, role("wide", allow("s3:*")), users=[user("kim", allow("iam:PassRole"))])
    run = sarif_of(report)
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [check["id"] for check in report["checks"]]
    assert len(run["results"]) == len(report["findings"])
    for result, finding in zip(run["results"], report["findings"], strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding["check"]
        assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == finding["resource"]
        assert finding["reason"] in result["message"]["text"]
    assert run["results"][0]["level"] == "error"


def test_sarif_tells_what_is_new_and_what_is_suppressed():
    report = report_on(
        FINE, ADMIN, OTHER, last=report_on(FINE, ADMIN), suppressions=[suppression("unused-role")]
    )
    states = {
        each["message"]["text"].split(":")[5]: each["baselineState"] for each in sarif_of(report)["results"]
    }
    assert states == {"role/admin": "unchanged", "role/other": "new"}
    hidden = report_on(FINE, ADMIN, suppressions=[suppression("administrator-access")])
    (result,) = sarif_of(hidden)["results"]
    assert (
        result["suppressions"][0]["justification"] == "Known and wanted. (ops@example.com, until 2027-01-31)"
    )


def test_a_finding_keeps_its_fingerprint_and_no_two_share_one():
    wide = role("wide", allow("s3:*"), allow("iam:*"))
    first, second = sarif_of(report_on(FINE, ADMIN, wide)), sarif_of(report_on(FINE, wide, OTHER, ADMIN))

    def prints(run):
        return {
            (each["ruleId"], each["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]): each[
                "partialFingerprints"
            ]["checkAndResource/v1"]
            for each in run["results"]
        }

    before, after = prints(first), prints(second)
    assert before.items() <= after.items()
    assert len(set(after.values())) == len(after)


def validated(findings):
    """As botocore would send them: its own shape of BatchImportFindings, lengths and all."""
    model = botocore.session.Session().get_service_model("securityhub")
    shape = model.operation_model("BatchImportFindings").input_shape
    for start in range(0, len(findings), 100):
        faults = ParamValidator().validate({"Findings": findings[start : start + 100]}, shape)
        assert not faults.has_errors(), faults.generate_report()
    return findings


def test_asff_matches_security_hubs_own_shape():
    team = managed_policy("team", allow("*"))
    report = report_on(
        FINE, ADMIN, role("wide", allow("s3:*")), users=[user("kim", allow("iam:PassRole"))], policies=[team]
    )
    findings = validated(to_asff(report, region="eu-west-1"))
    assert len(findings) == len(report["findings"])
    first = findings[0]
    assert first["ProductArn"] == f"arn:aws:securityhub:eu-west-1:{ACCOUNT}:product/{ACCOUNT}/default"
    assert (first["AwsAccountId"], first["SchemaVersion"]) == (ACCOUNT, "2018-10-08")
    assert first["Severity"] == {"Label": "CRITICAL"}
    assert {each["Resources"][0]["Type"] for each in findings} >= {"AwsIamRole", "AwsIamUser"}
    assert len({each["Id"] for each in findings}) == len(findings)
    for finding in findings:
        assert len(finding["Title"]) <= 256
        assert len(finding["Description"]) <= 1024
        assert len(finding["Remediation"]["Recommendation"]["Text"]) <= 512
        assert finding["CreatedAt"].endswith("Z")


@pytest.mark.parametrize(
    ("arn", "kind"),
    [
        (f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f", "AwsLambdaFunction"),
        ("arn:aws:s3:::photos", "AwsS3Bucket"),
        (f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1", "AwsKmsKey"),
        (f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:m", "AwsStepFunctionStateMachine"),
        (f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model/m", "Other"),
        (f"arn:aws:iam::{ACCOUNT}:root", "AwsAccount"),
    ],
)
def test_asff_names_the_kind_of_resource(arn, kind):
    report = report_on(FINE, ADMIN)
    report["findings"][0]["resource"] = arn
    (finding,) = validated(to_asff(report, region="eu-west-1"))
    assert finding["Resources"][0]["Type"] == kind


def test_asff_archives_what_is_gone_or_suppressed_under_the_same_id():
    before = to_asff(report_on(FINE, ADMIN), region="eu-west-1")
    gone = to_asff(report_on(FINE, last=report_on(FINE, ADMIN)), region="eu-west-1")
    hidden = to_asff(
        report_on(FINE, ADMIN, suppressions=[suppression("administrator-access")]), region="eu-west-1"
    )
    assert [each["RecordState"] for each in before] == ["ACTIVE"]
    for after in (gone, hidden):
        validated(after)
        assert [(each["Id"], each["RecordState"]) for each in after] == [(before[0]["Id"], "ARCHIVED")]


def test_asff_needs_an_account_and_cuts_what_is_too_long():
    with pytest.raises(SecurityHubError, match="must name it"):
        to_asff(report_on(), region="eu-west-1")
    report = report_on(FINE, ADMIN)
    report["findings"][0].update(title="t" * 300, reason="r" * 2000)
    (finding,) = validated(to_asff(report, region="us-gov-west-1"))
    assert (len(finding["Title"]), len(finding["Description"])) == (256, 1024)
    assert finding["ProductArn"].startswith("arn:aws-us-gov:")


@pytest.fixture
def securityhub():
    session = botocore.session.Session()
    client = session.create_client(
        "securityhub", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stub:
        yield client, stub


def test_findings_are_sent_a_hundred_at_a_time(securityhub):
    client, stub = securityhub
    findings = to_asff(
        report_on(FINE, *(role(f"admin-{n}", allow("*")) for n in range(250))), region="eu-west-1"
    )
    sizes = []
    client.meta.events.register(
        "provide-client-params.securityhub.BatchImportFindings",
        lambda params, **_: sizes.append(len(params["Findings"])),
    )
    for size in (100, 100, 50):
        stub.add_response("batch_import_findings", {"FailedCount": 0, "SuccessCount": size})
    assert send(findings, securityhub=client) == 250
    assert sizes == [100, 100, 50]


def test_a_refused_finding_is_told(securityhub):
    client, stub = securityhub
    findings = to_asff(report_on(FINE, ADMIN), region="eu-west-1")
    refused = {"Id": findings[0]["Id"], "ErrorCode": "InvalidInput", "ErrorMessage": "no such product"}
    stub.add_response(
        "batch_import_findings", {"FailedCount": 1, "SuccessCount": 0, "FailedFindings": [refused]}
    )
    with pytest.raises(SecurityHubError, match=r"1 of 1 .*InvalidInput: no such product"):
        send(findings, securityhub=client)
