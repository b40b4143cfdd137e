"""The roles of both state machines allow every call of every scenario, and what AWS asks for besides.

What each call needs is in the Service Authorization Reference and in
https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html;
for Application Auto Scaling see local_cloud/iam/dependent_permissions.py.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sfnx import testing

from contracts.scoring import MAP_LABEL
from deploy_scripts.permissions.judging import allows, policy_of
from deploy_scripts.permissions.recording import Call
from deploy_scripts.verify_aws.check import Result, Subject
from deploy_scripts.verify_aws.machine.interpreter import prepared, scenarios_played
from deploy_scripts.verify_aws.machine.run import api_of, arguments
from deploy_scripts.verify_aws.machine.scoring import OF_ANOTHER_BUCKET, played
from deploy_scripts.verify_aws.template.example_values import ACCOUNT, REGION, example_values
from deploy_scripts.verify_aws.template.policies import roles_of
from functions.plan_training.machine_images import CPU_IMAGE, GPU_IMAGE
from local_cloud.iam.dependent_permissions import scaling_permissions
from local_cloud.iam.permission import Permission

ROLE, SCORING_ROLE = "TrainingPipelineRole", "PhotoScoringRole"
_HERE = f"{REGION}:{ACCOUNT}"
# The rule by which Step Functions learns that a training job has ended:
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
_SYNC_RULE = f"arn:aws:events:{_HERE}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
_INTERPRETERS_NAME, _MACHINE = re.compile(r"(?<=:)machine(?=:|$)"), "dropserve-training-pipeline"
_SLR = "sagemaker.application-autoscaling.amazonaws.com"
# What Step Functions itself does in the role's name to log and trace an execution:
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html and concepts-xray-tracing.html
_LOGGING = (
    "CreateLogDelivery",
    "GetLogDelivery",
    "UpdateLogDelivery",
    "DeleteLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "DescribeResourcePolicies",
    "DescribeLogGroups",
)
_TRACING = ("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets")

_SCORING_MACHINE = "dropserve-photo-scoring"
# Of a distributed Map: https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
_OF_A_MAP = {
    SCORING_ROLE: (
        ("states:StartExecution", f"arn:aws:states:{_HERE}:stateMachine:{_SCORING_MACHINE}"),
        ("states:DescribeExecution", f"arn:aws:states:{_HERE}:execution:{_SCORING_MACHINE}/{MAP_LABEL}:1"),
    )
}

Arguments = Mapping[str, Any]
Needs = Callable[[Arguments], Iterator[Permission]]


def check(subject: Subject) -> Result:
    """Nothing that a run needs is refused."""
    judged: set[tuple[str, str]] = set()
    problems: set[str] = set()
    scoring = [
        call
        for story, made in played(subject)
        for call in made.calls
        # Another bucket is listed by a policy of its own, where the parameter names one.
        if story is not OF_ANOTHER_BUCKET
    ]
    pipeline = [call for made in scenarios_played(prepared(subject)) for call in made.calls]
    for role, calls in ((ROLE, pipeline), (SCORING_ROLE, scoring)):
        problems |= set(_role_problems(subject, role, calls, judged))
    actions = {action for action, _ in judged}
    return Result(f"{len(actions)} actions on {len(judged)} resources", tuple(sorted(problems)))


def _role_problems(
    subject: Subject,
    name: str,
    calls: Sequence[testing.Call],
    judged: set[tuple[str, str]],
) -> Iterator[str]:
    (role,) = (each for each in roles_of(subject.main) if each.name == name)
    policy = policy_of(role)
    values = example_values(subject.main)
    for call in calls:
        api = api_of(call.resource)
        if api not in _NEEDS and not api.startswith("arn:aws:lambda:"):
            yield f"{call.state}: say in permissions.py what {api} needs"
            continue
        sync = {".sync": call.resource.endswith(".sync")}
        for needed in _needed(api, {**arguments(call), **sync}, values):
            context = {**needed.context, "aws:SourceAccount": ACCOUNT}
            judged.add((needed.action, needed.resource))
            if not allows(policy, Call(name, needed.action, needed.resource, context)):
                yield f"{call.state}: {name} may not {needed.action} on {needed.resource}"
    logged = [*(f"logs:{each}" for each in _LOGGING), *(f"xray:{each}" for each in _TRACING)]
    itself = [(action, "*") for action in logged]
    for action, resource in (*itself, *_OF_A_MAP.get(name, ())):
        judged.add((action, resource))
        if not allows(policy, Call(name, action, resource, {})):
            yield f"{name} may not {action} on {resource}, which Step Functions itself does"


def _needed(api: str, given: Arguments, values: Mapping[str, str]) -> Iterator[Permission]:
    if api.startswith("arn:aws:lambda:"):
        yield Permission("lambda:InvokeFunction", api)
        return
    yield from _NEEDS[api](given)
    if given.get("IamInstanceProfile") == {"Arn": values["Ec2InstanceProfile.Arn"]}:
        yield _passed(values["Ec2TrainingRole.Arn"], "ec2.amazonaws.com")


def _passed(role: str, service: str) -> Permission:
    return Permission("iam:PassRole", role, {"iam:PassedToService": service})


def _table(action: str) -> Needs:
    return lambda given: iter([Permission(action, f"arn:aws:dynamodb:{_HERE}:table/{given['TableName']}")])


def _parameter(action: str) -> Needs:
    return lambda given: iter([Permission(action, f"arn:aws:ssm:{_HERE}:parameter{given['Name']}")])


def _function(action: str) -> Needs:
    def needs(given: Arguments) -> Iterator[Permission]:
        name, qualifier = given["FunctionName"], given.get("Qualifier")
        arn = name if name.startswith("arn:") else f"arn:aws:lambda:{_HERE}:function:{name}"
        yield Permission(action, f"{arn}:{qualifier}" if qualifier else arn)

    return needs


def _sagemaker(action: str, kind: str, member: str) -> Needs:
    def needs(given: Arguments) -> Iterator[Permission]:
        arn = f"arn:aws:sagemaker:{_HERE}:{kind}/{given[member].lower()}"
        yield Permission(f"sagemaker:{action}", arn)
        if given.get("Tags"):
            yield Permission("sagemaker:AddTags", arn)
        for role in (given.get("RoleArn"), given.get("ExecutionRoleArn")):
            if role:
                yield _passed(role, "sagemaker.amazonaws.com")
        if given[".sync"]:
            for besides in ("DescribeTrainingJob", "StopTrainingJob", "ListTags"):
                yield Permission(f"sagemaker:{besides}", arn)
            for besides in ("PutRule", "PutTargets", "DescribeRule"):
                yield Permission(f"events:{besides}", _SYNC_RULE)

    return needs


def _scaling(action: str) -> Needs:
    def needs(given: Arguments) -> Iterator[Permission]:
        context = {
            "application-autoscaling:service-namespace": given["ServiceNamespace"],
            "application-autoscaling:scalable-dimension": given["ScalableDimension"],
        }
        target = f"arn:aws:application-autoscaling:{_HERE}:scalable-target/0ec5"
        yield Permission(f"application-autoscaling:{action}", target, context)
        yield from scaling_permissions(action, given, REGION, ACCOUNT)
        if action == "RegisterScalableTarget":
            role = f"aws-service-role/{_SLR}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
            yield Permission(
                "iam:CreateServiceLinkedRole",
                f"arn:aws:iam::{ACCOUNT}:role/{role}",
                {"iam:AWSServiceName": _SLR},
            )

    return needs


def _run_instances(given: Arguments) -> Iterator[Permission]:
    tags = {
        each["ResourceType"]: {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in each["Tags"]}
        for each in given["TagSpecifications"]
    }
    yield Permission("ec2:RunInstances", f"arn:aws:ec2:{REGION}::image/ami-0123456789abcdef0")
    for kind in ("instance", "network-interface", "security-group", "subnet", "volume"):
        yield Permission("ec2:RunInstances", f"arn:aws:ec2:{_HERE}:{kind}/made", tags.get(kind, {}))
    for kind, own in tags.items():
        context = {**own, "ec2:CreateAction": "RunInstances"}
        yield Permission("ec2:CreateTags", f"arn:aws:ec2:{_HERE}:{kind}/made", context)
    # Whichever the plan names.
    for image in (CPU_IMAGE, GPU_IMAGE):
        yield Permission("ssm:GetParameters", f"arn:aws:ssm:{REGION}::parameter{image.parameter}")


def _terminate(given: Arguments) -> Iterator[Permission]:
    for instance in given["InstanceIds"]:
        arn = f"arn:aws:ec2:{_HERE}:instance/{instance}"
        yield Permission("ec2:TerminateInstances", arn, {"aws:ResourceTag/dropserve:run": "1"})


def _log_group(action: str) -> Needs:
    return lambda given: iter([Permission(action, f"arn:aws:logs:{_HERE}:log-group:{given['LogGroupName']}")])


def _own(action: str, member: str) -> Needs:
    """On this very state machine, which the interpreter calls `machine`."""
    return lambda given: iter([Permission(action, _INTERPRETERS_NAME.sub(_MACHINE, given[member]))])


def _without_resource(action: str) -> Needs:
    return lambda _: iter([Permission(action, "*")])


_NEEDS: dict[str, Needs] = {
    "dynamodb:getItem": _table("dynamodb:GetItem"),
    "dynamodb:putItem": _table("dynamodb:PutItem"),
    "dynamodb:updateItem": _table("dynamodb:UpdateItem"),
    "ssm:getParameter": _parameter("ssm:GetParameter"),
    "ssm:putParameter": _parameter("ssm:PutParameter"),
    "sns:publish": lambda given: iter([Permission("sns:Publish", given["TopicArn"])]),
    # HeadObject is allowed by GetObject: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    "s3:headObject": lambda given: iter(
        [Permission("s3:GetObject", f"arn:aws:s3:::{given['Bucket']}/{given['Key']}")]
    ),
    "s3:getObject": lambda given: iter(
        [Permission("s3:GetObject", f"arn:aws:s3:::{given['Bucket']}/{given['Key']}")]
    ),
    "s3:listObjectsV2": lambda given: iter(
        [Permission("s3:ListBucket", f"arn:aws:s3:::{given['Bucket']}", {"s3:prefix": given["Prefix"]})]
    ),
    "cloudwatch:describeAlarms": _without_resource("cloudwatch:DescribeAlarms"),
    "sfn:describeExecution": _own("states:DescribeExecution", "ExecutionArn"),
    "sfn:startExecution": _own("states:StartExecution", "StateMachineArn"),
    "lambda:invoke": _function("lambda:InvokeFunction"),
    "cloudwatchlogs:createLogGroup": _log_group("logs:CreateLogGroup"),
    "cloudwatchlogs:putRetentionPolicy": _log_group("logs:PutRetentionPolicy"),
    "sagemaker:createTrainingJob": _sagemaker("CreateTrainingJob", "training-job", "TrainingJobName"),
    "sagemaker:stopTrainingJob": _sagemaker("StopTrainingJob", "training-job", "TrainingJobName"),
    "sagemaker:createModel": _sagemaker("CreateModel", "model", "ModelName"),
    "sagemaker:deleteModel": _sagemaker("DeleteModel", "model", "ModelName"),
    "sagemaker:createEndpointConfig": _sagemaker(
        "CreateEndpointConfig", "endpoint-config", "EndpointConfigName"
    ),
    "sagemaker:deleteEndpointConfig": _sagemaker(
        "DeleteEndpointConfig", "endpoint-config", "EndpointConfigName"
    ),
    "sagemaker:createModelPackage": lambda given: iter(
        [
            Permission(
                "sagemaker:CreateModelPackage",
                f"arn:aws:sagemaker:{_HERE}:model-package/{given['ModelPackageGroupName']}/1",
            )
        ]
    ),
    "sagemaker:updateModelPackage": lambda given: iter(
        [Permission("sagemaker:UpdateModelPackage", given["ModelPackageArn"])]
    ),
    "sagemaker:createEndpoint": _sagemaker("CreateEndpoint", "endpoint", "EndpointName"),
    "sagemaker:describeEndpoint": _sagemaker("DescribeEndpoint", "endpoint", "EndpointName"),
    "sagemaker:deleteEndpoint": _sagemaker("DeleteEndpoint", "endpoint", "EndpointName"),
    "applicationautoscaling:registerScalableTarget": _scaling("RegisterScalableTarget"),
    "applicationautoscaling:deregisterScalableTarget": _scaling("DeregisterScalableTarget"),
    "applicationautoscaling:putScalingPolicy": _scaling("PutScalingPolicy"),
    "ec2:runInstances": _run_instances,
    "ec2:describeInstances": _without_resource("ec2:DescribeInstances"),
    "ec2:terminateInstances": _terminate,
}
