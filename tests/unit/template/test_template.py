"""The template agrees with the workflow, the functions and its own rules."""

import copy
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from contracts.bucket import CAPTURES, CHECKPOINTS, SNAPSHOTS, UPLOADS
from deploy_scripts.cloudformation.budget import leave_out_unwanted
from deploy_scripts.cloudformation.sam_template import read_template
from deploy_scripts.permissions.template_roles import read_roles
from deploy_scripts.permissions.template_values import condition_values
from deploy_scripts.project import ROOT
from deploy_scripts.verify_aws.template.example_values import example_values
from deploy_scripts.verify_aws.template.wildcard_complexity import LIMIT, complexity
from functions.read_input.reading import read_input
from state_machines.render import rendered

TEMPLATE = read_template(ROOT / "deploy_scripts" / "template.yaml")
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]


def of_type(kind: str) -> dict[str, Any]:
    return {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")
ROLES = of_type("AWS::IAM::Role")
STATEMENTS = [
    (name, statement)
    for name, role in ROLES.items()
    for policy in role["Policies"]
    for statement in policy["PolicyDocument"]["Statement"]
]


def test_the_workflow_gets_each_value_that_it_names_and_no_other() -> None:
    given = RESOURCES["TrainingPipeline"]["Properties"]["DefinitionSubstitutions"]
    assert set(given) == set(re.findall(r"\$\{(\w+)\}", rendered()))


def test_every_parameter_is_used() -> None:
    text = str({key: value for key, value in TEMPLATE.items() if key != "Parameters"})
    for name in TEMPLATE["Parameters"]:
        assert f"'{name}'" in text or f"${{{name}}}" in text, name


@pytest.mark.parametrize(
    ("key", "starts"),
    [
        ("drops/pets.zip", True),
        ("drops/pets.ZIP", True),
        ("drops/pets.tar", True),  # refused where the person sees it
        ("drops/team-a/pets.zip", True),
        ("drops/team-a/2026/pets.ZIP", True),
        ("drops/pets/_SUCCESS", True),
        ("drops/pets/cat/1.jpg", False),
        ("drops/pets/cat/zip", False),
        ("runs/1/model.zip", False),
        ("snapshots/1/dataset.zip", False),
        ("uploads/a/b.zip", False),
        ("checkpoints/1/state.bin", False),
        ("drops/", False),
        ("drops/pets/", False),
        ("drops/pets/cat/", False),
        ("pets.zip", True),  # in a wrong place: its run says so
        ("drop/pets.zip", True),
    ],
)
def test_which_objects_start_a_run(key: str, starts: bool) -> None:
    pattern = RESOURCES["DropRule"]["Properties"]["EventPattern"]["detail"]["object"]["key"]
    (others,) = [rule["anything-but"]["wildcard"] for rule in pattern if "anything-but" in rule]
    wildcards = [rule["wildcard"] for rule in pattern if "wildcard" in rule]
    matched = any(fnmatchcase(key, wildcard) for wildcard in wildcards)
    matched |= any(key.endswith(rule["suffix"]) for rule in pattern if "suffix" in rule)
    assert (matched or not any(fnmatchcase(key, wildcard) for wildcard in others)) == starts


def test_what_expires_is_gone_a_day_later() -> None:
    rules = RESOURCES["DataBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = [rule for rule in rules if "ExpirationInDays" in rule]
    assert {rule["Prefix"] for rule in expiring} == {SNAPSHOTS, UPLOADS, CHECKPOINTS, CAPTURES}
    assert all(rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1} for rule in expiring)


def test_every_log_group_expires() -> None:
    groups = of_type("AWS::Logs::LogGroup")
    assert groups
    assert all(group["RetentionInDays"] <= 90 for group in groups.values())


def test_an_update_of_the_stack_cannot_change_what_is_live() -> None:
    assert not of_type("AWS::SSM::Parameter")


def test_every_ending_of_an_execution_raises_an_alarm() -> None:
    metrics = {
        alarm["MetricName"]
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Namespace"] == "AWS/States"
    }
    assert metrics == {"ExecutionsFailed", "ExecutionsAborted", "ExecutionsTimedOut"}


def test_a_deployment_watches_its_own_metrics_and_no_other_deployments() -> None:
    emitted_in = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]
    watched = {str(alarm["Namespace"]) for alarm in of_type("AWS::CloudWatch::Alarm").values()}
    own = {each for each in watched if not each.startswith("AWS/")}
    assert own == {str(emitted_in)} == {"{'Ref': 'AWS::StackName'}"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_role_and_a_log_group_of_its_own(name: str) -> None:
    function = FUNCTIONS[name]
    stem = name.removesuffix("Function")
    assert function["Role"] == {"Fn::GetAtt": [f"{stem}Role", "Arn"]}
    log_group = RESOURCES[f"{stem}Logs"]["Properties"]["LogGroupName"]["Fn::Sub"]
    assert log_group == f"/aws/lambda/{function['FunctionName']['Fn::Sub']}"
    folder = function["Handler"].split(".")[1]
    assert (ROOT / "functions" / folder / "handler.py").is_file()
    assert function["CodeUri"].endswith(f"/{folder}.zip")


def test_sagemaker_pulls_images_from_the_deployments_repositories_only() -> None:
    pulling = [
        (name, statement["Resource"])
        for name, statement in STATEMENTS
        if "ecr:BatchGetImage" in statement["Action"]
    ]
    assert pulling == [("SageMakerRole", {"Fn::Split": [",", {"Ref": "ImageRepositoryArns"}]})]


@pytest.mark.parametrize("name", ROLES)
def test_every_role_stands_under_the_path_that_the_audit_watches(name: str) -> None:
    assert ROLES[name]["Path"] == {"Fn::Sub": "/${AWS::StackName}/"}


def test_a_training_instance_writes_to_its_own_log_group_only() -> None:
    (logging,) = [
        statement
        for name, statement in STATEMENTS
        if name == "Ec2TrainingRole" and "logs:" in str(statement["Action"])
    ]
    assert logging["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert logging["Resource"] == {"Fn::GetAtt": ["Ec2TrainingLogs", "Arn"]}
    assert RESOURCES["Ec2TrainingLogs"]["Properties"]["RetentionInDays"] > 0
    substitutions = RESOURCES["TrainingPipeline"]["Properties"]["DefinitionSubstitutions"]
    assert substitutions["Ec2LogGroup"] == {"Ref": "Ec2TrainingLogs"}


def test_no_statement_allows_every_action_of_a_service() -> None:
    for name, statement in STATEMENTS:
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert "*" not in action, (name, action)


def test_a_role_is_passed_to_one_named_service_only() -> None:
    passing = [statement for _, statement in STATEMENTS if "iam:PassRole" in str(statement["Action"])]
    assert len(passing) == 2
    for statement in passing:
        assert list(statement["Condition"]["StringEquals"]) == ["iam:PassedToService"]
        assert statement["Resource"] != "*"


def test_data_outlives_the_stack_and_is_not_public() -> None:
    for name in ("DataBucket", "LedgerTable"):
        assert RESOURCES[name]["DeletionPolicy"] == RESOURCES[name]["UpdateReplacePolicy"] == "Retain"
    block = RESOURCES["DataBucket"]["Properties"]["PublicAccessBlockConfiguration"]
    assert all(block.values())
    assert len(block) == 4


def test_eventbridge_takes_the_rule() -> None:
    """It refuses one whose wildcards are too complex, and the whole deployment with it."""
    keys = RESOURCES["DropRule"]["Properties"]["EventPattern"]["detail"]["object"]["key"]
    assert complexity(keys) <= LIMIT


def test_the_idle_alarm_looks_back_no_further_than_cloudwatch_can() -> None:
    alarm, days = RESOURCES["IdleAlarm"]["Properties"], TEMPLATE["Parameters"]["IdleDays"]
    assert alarm["EvaluationPeriods"] == {"Ref": "IdleDays"}
    assert alarm["Period"] * days["MaxValue"] <= 604_800
    assert alarm["TreatMissingData"] == "breaching"
    assert days["Default"] in range(days["MinValue"], days["MaxValue"] + 1)


def test_the_idle_alarm_pauses_only_where_somebody_chose_so() -> None:
    rule = RESOURCES["IdleRule"]
    assert TEMPLATE["Conditions"][rule["Condition"]] == {"Fn::Equals": [{"Ref": "RetireWhenIdle"}, "true"]}
    assert TEMPLATE["Parameters"]["RetireWhenIdle"]["Default"] == "false"
    (target,) = rule["Properties"]["Targets"]
    answer = read_input(json.loads(target["Input"]))
    assert (answer["accepted"], answer["action"], answer["run"]["source"]) == (True, "pause", "idle")


def writers(queue: str) -> list[Any]:
    """The rules that may write into a queue."""
    (policy,) = (
        each for each in of_type("AWS::SQS::QueuePolicy").values() if each["Queues"] == [{"Ref": queue}]
    )
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    sources: Any = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    return sources if isinstance(sources, list) else [sources]


def test_every_rule_has_a_queue_for_what_it_could_not_deliver() -> None:
    targets = {
        name: target for name, rule in of_type("AWS::Events::Rule").items() for target in rule["Targets"]
    }
    assert targets
    for name, target in targets.items():
        queue = target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]
        this = {"Fn::GetAtt": [name, "Arn"]}
        assert any(this in (writer, *writer.get("Fn::If", [])) for writer in writers(queue))


def test_a_schedule_of_a_function_has_queues_for_both_ways_to_fail() -> None:
    scheduled = {
        (name, event_name): (properties, event["Properties"])
        for name, properties in FUNCTIONS.items()
        for event_name, event in properties.get("Events", {}).items()
    }
    assert scheduled
    for (name, event_name), (properties, event) in scheduled.items():
        queue = event["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]
        sharing = [key for key, (_, each) in scheduled.items() if queue in str(each["DeadLetterConfig"])]
        assert (name, event_name) in sharing
        assert writers(queue) == [{"Fn::GetAtt": ["".join(key), "Arn"]} for key in sharing]
        on_failure = properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
        assert on_failure == {"Type": "SQS", "Destination": {"Fn::GetAtt": [queue, "Arn"]}}
        role = properties["Role"]["Fn::GetAtt"][0]
        allowed = [
            each["Resource"]
            for owner, each in STATEMENTS
            if owner == role and "sqs:SendMessage" in each["Action"]
        ]
        arn = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"
        assert allowed == [{"Fn::Sub": arn + RESOURCES[queue]["Properties"]["QueueName"]["Fn::Sub"]}]


def test_every_queue_is_encrypted_kept_two_weeks_and_watched() -> None:
    watched = {
        alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Namespace"] == "AWS/SQS" and alarm["AlarmActions"] == [{"Ref": "NotificationTopic"}]
    }
    queues = of_type("AWS::SQS::Queue")
    assert watched == set(queues)
    for queue in queues.values():
        assert queue["SqsManagedSseEnabled"] == {"Fn::If": ["HasKey", False, True]}
        assert queue["KmsMasterKeyId"]["Fn::If"][:2] == ["HasKey", {"Ref": "KmsKeyArn"}]
        assert queue["MessageRetentionPeriod"] == 14 * 86_400


def test_the_topic_of_a_budget_still_takes_alarms() -> None:
    assert TEMPLATE["Parameters"]["MonthlyBudgetUsd"]["Default"] == "0"
    statements = RESOURCES["NotificationTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert {each["Principal"]["Service"] for each in statements} == {
        "cloudwatch.amazonaws.com",
        "budgets.amazonaws.com",
    }
    for each in statements:
        assert each["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_a_template_without_a_budget_does_not_name_its_type() -> None:
    with_one, without = copy.deepcopy(TEMPLATE), copy.deepcopy(TEMPLATE)
    leave_out_unwanted(with_one, {"MonthlyBudgetUsd": "12.5"})
    leave_out_unwanted(without, {"MonthlyBudgetUsd": "0"})
    assert with_one == TEMPLATE
    assert set(TEMPLATE["Resources"]) - set(without["Resources"]) == {
        "MonthlyBudget",
        "NotificationTopicPolicy",
    }
    assert "AWS::Budgets::Budget" not in {each["Type"] for each in without["Resources"].values()}


def test_the_idle_rule_hears_of_its_own_alarm_alone() -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    pattern = RESOURCES["IdleRule"]["Properties"]["EventPattern"]
    assert pattern == {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "resources": [{"Fn::GetAtt": ["IdleAlarm", "Arn"]}],
        "detail": {"state": {"value": ["ALARM"]}},
    }


def test_without_a_vpc_or_a_key_nothing_is_made_or_allowed_for_one() -> None:
    text = json.dumps({name: each for name, each in RESOURCES.items() if "Condition" not in each})
    assert "AWS::EC2::" not in text
    allowed = [action for _, statement in STATEMENTS for action in _listed(statement["Action"])]
    assert not [
        each
        for each in allowed
        if each.startswith("kms:") and each not in {"kms:ListKeys", "kms:GetKeyPolicy"}
    ]
    assert "ec2:CreateNetworkInterface" not in allowed


def test_every_role_that_a_key_concerns_may_use_it_by_one_way_alone() -> None:
    policies = {
        name: each["Properties"] for name, each in RESOURCES.items() if each.get("Condition") == "HasKey"
    }
    named = {role["Ref"] for policy in policies.values() for role in policy["Roles"]}
    # They start, list and describe; they read and write nothing.
    assert named == set(ROLES) - {"DropRuleRole", "PhotoScoringRole"}
    for policy in policies.values():
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Resource"] == {"Ref": "KmsKeyArn"}
            keys = {key for operands in statement["Condition"].values() for key in operands}
            assert keys & {"kms:ViaService", "kms:EncryptionContext:aws:lambda:FunctionArn"}


@pytest.mark.parametrize("share", ["0", "0.2", ".5", "1", "1.0", "0.001", "0.50"])
def test_photos_may_be_written_where_a_share_of_them_is_kept_and_nowhere_else(share: str) -> None:
    assert re.fullmatch(TEMPLATE["Parameters"]["CaptureShare"]["AllowedPattern"], share)
    values = {**example_values(TEMPLATE), "CaptureShare": share}
    values |= condition_values(TEMPLATE, values)
    (role,) = (each for each in read_roles(TEMPLATE, values) if each.name == "InferenceRole")

    written = [each.resources for each in role.statements if "s3:PutObject" in each.actions]
    keyed = [each for each in role.statements if "kms:GenerateDataKey" in each.actions]

    assert written == ([(f"{values['DataBucket.Arn']}/captures/*",)] if float(share) else [])
    assert bool(keyed) == bool(float(share))


@pytest.mark.parametrize("share", ["-1", "1.5", "2", "1e-9", "0x1"])
def test_what_is_no_share_is_not_taken(share: str) -> None:
    assert not re.fullmatch(TEMPLATE["Parameters"]["CaptureShare"]["AllowedPattern"], share)


def compared_texts(part: Any) -> Iterator[tuple[str, str]]:
    """(parameter, text) of each Fn::Equals in a part of the template."""
    if isinstance(part, dict) and "Fn::Equals" in part:
        reference, text = part["Fn::Equals"]
        yield reference["Ref"], text
        return
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from compared_texts(each)


COMPARED = sorted(set(compared_texts(TEMPLATE["Conditions"])))


@pytest.mark.parametrize(("name", "text"), COMPARED, ids=[name for name, _ in COMPARED])
def test_what_a_condition_compares_with_can_be_written_in_one_way(name: str, text: str) -> None:
    """Conditions compare texts: a parameter that is 0.0 would be another one than "0"."""
    parameter = TEMPLATE["Parameters"][name]
    assert parameter["Type"] == "String"
    if "AllowedValues" in parameter:
        assert text in parameter["AllowedValues"]
        return
    assert text in {"", "0"}
    if text == "0":
        assert re.fullmatch(parameter["AllowedPattern"], text)
        for same in ("0.0", "0.00", "00", ".0", "0.", "", "-0", "+0", " 0", "0 ", "0e0"):
            assert not re.fullmatch(parameter["AllowedPattern"], same), same


@pytest.mark.parametrize(
    ("name", "taken", "refused"),
    [
        (
            "CanaryPercent",
            ["1", "10", "50", "50.0", "0.5", "49.9", "2.50"],
            ["50.1", "51", "100", "1.", ".5", "-1"],
        ),
        (
            "MonthlyBudgetUsd",
            ["1", "100", "90.5", "0.01", "10.00", "1234567"],
            ["-1", "1.", ".5", "1e3", "1,000"],
        ),
    ],
)
def test_numbers_that_switch_something_on_are_taken_within_their_bounds(
    name: str, taken: list[str], refused: list[str]
) -> None:
    pattern = TEMPLATE["Parameters"][name]["AllowedPattern"]
    assert all(re.fullmatch(pattern, value) for value in taken)
    assert not any(re.fullmatch(pattern, value) for value in refused)


def test_all_that_stores_takes_the_key() -> None:
    key = {"Fn::If": ["HasKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}
    assert TEMPLATE["Globals"]["Function"]["KmsKeyArn"] == key
    for group in of_type("AWS::Logs::LogGroup").values():
        assert group["KmsKeyId"] == key
    for kind in ("AWS::SNS::Topic", "AWS::SQS::Queue"):
        for properties in of_type(kind).values():
            assert properties["KmsMasterKeyId"] == key


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
