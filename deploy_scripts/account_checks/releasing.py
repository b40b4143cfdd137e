"""Confirms the way from nothing to answers: a deployment, its rules, a drop, a release."""

import json
import time
from collections import deque

from deploy_scripts.account_checks.confirmation import Confirmation
from deploy_scripts.account_checks.trial import Trial
from deploy_scripts.cloudformation.stack import read_parameters
from deploy_scripts.errors import CliError
from deploy_scripts.operations.audits import audit_of_run
from deploy_scripts.operations.drops.upload import read_dataset, upload_drop
from deploy_scripts.operations.logs.sources import log_sources_of, read_logs
from deploy_scripts.operations.predictions import predict_photo
from deploy_scripts.operations.runs.ledger import find_item
from deploy_scripts.operations.runs.starts import wait_for_drop
from deploy_scripts.operations.runs.watching import require_live
from deploy_scripts.stack_deployment import DeployChoices, deploy
from deploy_scripts.verify_aws.template.event_examples import object_created
from drops.keys import PREFIX

# A training job takes minutes to get its machine, an endpoint up to an hour.
_RUN_LIMIT_S = 5400.0
# Of a run that did not end live.
_LOG_LINES, _LOG_LINE_CHARACTERS = 15, 300


def _deploy(trial: Trial) -> str:
    trial.deployed(deploy(trial.aws, DeployChoices(), say=trial.say, warn=trial.say))
    images = read_parameters(trial.aws)
    built = [name for name in ("ServingImageUri", "TrainingImageUri") if "@sha256:" in images.get(name, "")]
    return f"{len(trial.deployment.outputs)} outputs; images named by digest: {', '.join(built) or 'none'}"


def _patterns(trial: Trial) -> str:
    """The rule of drops, as it stands there, asked about events of AWS's own form."""
    bucket, events = trial.deployment.bucket, trial.aws.events
    pattern = _pattern_of(trial, "DropRule")
    for rule in ("FailedExecutionRule", "EndedExecutionRule"):
        _pattern_of(trial, rule)
    wanted = {f"{PREFIX}pets.zip": True, f"{PREFIX}pets/_SUCCESS": True, "runs/1/model.zip": False}
    for key, should in wanted.items():
        answer = events.test_event_pattern(EventPattern=pattern, Event=_event(key, bucket))
        if answer["Result"] is not should:
            raise CliError(f"The rule for drops {'does not match' if should else 'matches'} the key {key}.")
    return f"the rules are enabled; {len(wanted)} events were matched as they should be"


def _pattern_of(trial: Trial, resource: str) -> str:
    name = trial.aws.cloudformation.describe_stack_resource(
        StackName=trial.aws.stack, LogicalResourceId=resource
    )["StackResourceDetail"].get("PhysicalResourceId", "")
    rule = trial.aws.events.describe_rule(Name=name)
    if rule["State"] != "ENABLED":
        raise CliError(f"The rule {name} is {rule['State']}.")
    return rule["EventPattern"]


def _event(key: str, bucket: str) -> str:
    return json.dumps(object_created(key, bucket))


def _drop(trial: Trial) -> str:
    deployment = trial.deployment
    dataset = read_dataset(trial.zip_file, "confirmation")
    dropped = upload_drop(deployment, dataset, sent=lambda _: None, say=trial.say)
    begun = time.monotonic()
    trial.began(wait_for_drop(deployment, dropped.key, dropped.version_id))
    return f"the run {trial.item.run.run_id} began {time.monotonic() - begun:.0f} s after the upload"


def _release(trial: Trial) -> str:
    arn = trial.item.execution_arn

    def ended() -> bool:
        status = trial.aws.stepfunctions.describe_execution(executionArn=arn)["status"]
        trial.say(f"the run is {status}")
        return status != "RUNNING"

    trial.until(ended, "The end of the run", _RUN_LIMIT_S)
    run = find_item(trial.deployment, trial.item.run.run_id).run
    try:
        require_live(trial.deployment, run)
    except CliError as error:
        # The removal takes the logs away.
        raise CliError(error.message, details=_last_lines(trial)) from error
    kind = read_parameters(trial.aws).get("EndpointInstanceType")
    return f"live on {kind}, test accuracy {run.accuracy}"


def _last_lines(trial: Trial) -> list[str]:
    """Of the run's training and of its endpoint, as far as there are any."""
    found = []
    for name in ("training", "endpoint"):
        sources = log_sources_of(trial.deployment, name, trial.item.run.run_id)
        lines = deque(read_logs(trial.deployment, sources, trial.item.started_at), maxlen=_LOG_LINES)
        found += [f"[{name}] {line.message[:_LOG_LINE_CHARACTERS]}" for line in lines]
    return found


def _answer(trial: Trial) -> str:
    live = trial.live
    prediction = predict_photo(trial.deployment, str(trial.photo))
    if prediction.release != live.release:
        raise CliError(f"{prediction.release} answered, and {live.release} is live.")
    label, probability = prediction.labels[0]
    return (
        f"{label}, {probability:.3f}, by {prediction.release}; the photo's class is {trial.photo.parent.name}"
    )


def _audit(trial: Trial) -> str:
    counts = audit_of_run(trial.deployment, trial.live.run_id)["counts"]
    return ", ".join(f"{count} {severity}" for severity, count in counts.items())


CONFIRMATIONS = (
    Confirmation(
        "deploy",
        "CloudFormation takes both stacks; the images are built, with Docker's manifest",
        _deploy,
        "no image is built and no transform of AWS's runs",
    ),
    Confirmation(
        "event patterns",
        "EventBridge takes the rules' patterns, wildcards included, and matches drops by them",
        _patterns,
        "how complex EventBridge lets a pattern be",
    ),
    Confirmation("drop", "A drop in S3 starts the state machine", _drop),
    Confirmation(
        "release",
        "The roles' rights are enough for a run; the images train and serve on the machines that are named",
        _release,
        "containers, processors, and what services ask for in a role's name",
    ),
    Confirmation("answer", "The inference function answers about a photo by its presigned URL", _answer),
    Confirmation("audit", "The audit's role may read what the audit reads", _audit, "a real account's IAM"),
)
