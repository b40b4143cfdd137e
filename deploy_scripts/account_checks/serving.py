"""Confirms what stands around a live endpoint: autoscaling, its alarms, logs, concurrency."""

from contracts.workflow import ENDPOINT_LOGS, SCALING_TARGET, scaling_resource
from deploy_scripts.account_checks.confirmation import Confirmation
from deploy_scripts.account_checks.trial import NotPossibleError, Trial
from deploy_scripts.cloudformation.stack import read_parameters
from deploy_scripts.errors import CliError
from deploy_scripts.operations.function_calls import call_function
from deploy_scripts.operations.releases.live import read_concurrency

# CloudWatch has a log's lines seconds after they were written.
_LOG_LIMIT_S = 120.0
_CONCURRENCY_LIMIT_S = 900.0


def _scaling_target(trial: Trial) -> str:
    resource = scaling_resource(trial.live.endpoint_name)
    targets = trial.aws.autoscaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[resource]
    )["ScalableTargets"]
    parameters = read_parameters(trial.aws)
    wanted = (int(parameters["MinInstances"]), int(parameters["MaxInstances"]))
    found = [(each["MinCapacity"], each["MaxCapacity"]) for each in targets]
    if found != [wanted]:
        raise CliError(f"{resource} has the targets {found}, and {wanted} is the deployment's.")
    return f"{resource}: {wanted[0]} to {wanted[1]} instances"


def _scaling_alarms(trial: Trial) -> str:
    resource = scaling_resource(trial.live.endpoint_name)
    policies = trial.aws.autoscaling.describe_scaling_policies(
        ServiceNamespace="sagemaker",
        ResourceId=resource,
        ScalableDimension=SCALING_TARGET["ScalableDimension"],  # type: ignore[arg-type]  # a dict of str
    )["ScalingPolicies"]
    names = [alarm["AlarmName"] for policy in policies for alarm in policy.get("Alarms", [])]
    alarms = trial.aws.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"] if names else []
    if len(alarms) < 2:
        raise CliError(
            f"Target tracking has {len(alarms)} alarms in CloudWatch: {', '.join(names) or 'none'}."
        )
    return ", ".join(each["AlarmName"] for each in alarms)


def _endpoint_log(trial: Trial) -> str:
    """The group that the workflow made before the endpoint is the one that SageMaker writes to."""
    name = f"{ENDPOINT_LOGS}{trial.live.endpoint_name}"
    groups = trial.aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    days = [each.get("retentionInDays") for each in groups if each.get("logGroupName") == name]
    if days != [30]:
        raise CliError(f"The log group {name} keeps its lines for {days} days, not for 30.")

    def streams() -> int:
        return len(trial.aws.logs.describe_log_streams(logGroupName=name)["logStreams"])

    count = trial.until(streams, f"A log stream in {name}", _LOG_LIMIT_S)
    return f"{name}: 30 days, {count} streams"


def check_concurrency(trial: Trial) -> str:
    """What the function set_concurrency is to keep. Raises NotPossibleError where the account has no room."""

    def note() -> str | None:
        answer = call_function(
            trial.deployment, "SetConcurrencyFunctionName", {}, what="Setting it", log="set_concurrency"
        )
        return (answer["note"] or "none") if answer["ready"] else None

    if (told := trial.until(note, "Provisioned concurrency", _CONCURRENCY_LIMIT_S)) != "none":
        raise NotPossibleError(told)
    parameters = read_parameters(trial.aws)
    found = read_concurrency(trial.deployment)
    wanted = {
        "reserved": int(parameters["ReservedConcurrency"]),
        "provisioned": int(parameters["ProvisionedConcurrency"]),
        "provisioned_status": "READY",
    }
    if found != wanted:
        raise CliError(f"The concurrency is {found}, and the deployment wants {wanted}.")
    return f"{found['reserved']} reserved, {found['provisioned']} provisioned and ready"


CONFIRMATIONS = (
    Confirmation(
        "scaling target",
        "Application Auto Scaling registers the endpoint with the workflow's rights",
        _scaling_target,
        "the rights that Application Auto Scaling tries on an endpoint of a random name",
    ),
    Confirmation("scaling alarms", "Target tracking made its two alarms", _scaling_alarms),
    Confirmation(
        "endpoint log",
        "SageMaker writes into the log group that was made before the endpoint, which expires",
        _endpoint_log,
        "what SageMaker does with a group that is there",
    ),
    Confirmation(
        "concurrency",
        "Concurrency is reserved, and provisioned at the alias",
        check_concurrency,
        "an account's limit",
    ),
)
