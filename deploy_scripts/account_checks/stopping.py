"""Confirms that nothing is left of an execution that somebody stops."""

from deploy_scripts.account_checks.confirmation import Confirmation
from deploy_scripts.account_checks.trial import Trial
from deploy_scripts.errors import CliError
from deploy_scripts.operations.releases.live import read_besides, read_live
from deploy_scripts.operations.runs.executions import start_execution
from deploy_scripts.operations.runs.starts import wait_for_execution
from deploy_scripts.operations.runs.training_progress import newest_training_job

_START_LIMIT_S = 600.0
# EventBridge tells within seconds, and a training job takes minutes to stop.
_CLEAN_LIMIT_S = 900.0


def _stop(trial: Trial) -> str:
    deployment = trial.deployment
    live = read_live(deployment)
    start_input = {
        "bucket": trial.item.bucket,
        "key": trial.item.key,
        "backend": "sagemaker",
        "force": True,
    }
    item = wait_for_execution(deployment, start_execution(deployment, start_input))
    trial.began(item)
    run_id = item.run.run_id
    job = trial.until(
        lambda: newest_training_job(trial.aws.sagemaker, run_id), "A training job", _START_LIMIT_S
    )
    trial.aws.stepfunctions.stop_execution(executionArn=item.execution_arn)
    reason = trial.until(lambda: _recorded_end(trial, run_id), "The clean-up's record", _CLEAN_LIMIT_S)
    trial.until(lambda: _is_stopped(trial, job), f"The end of the training job {job}", _CLEAN_LIMIT_S)
    trial.until(
        lambda: not any(read_besides(deployment, live).values()), "The end of the clean-up", _CLEAN_LIMIT_S
    )
    if (now := read_live(deployment)) != live:
        raise CliError(f"What is live is another release than before: {now}, and not {live}.")
    serves = f"{live.release} serves on" if live else "nothing is live, as before"
    return f"the run {run_id} is failed ({reason}), its job {job} stopped, and {serves}"


def _recorded_end(trial: Trial, run_id: str) -> str | None:
    """Of the item itself: read_ledger() would tell the end of the execution without any clean-up."""
    raw = trial.aws.dynamodb.get_item(
        TableName=trial.deployment.ledger_table, Key={"run_id": {"S": run_id}}, ConsistentRead=True
    )["Item"]
    if raw["status"]["S"] == "running":
        return None
    return raw.get("reason", {}).get("S") or raw["status"]["S"]


def _is_stopped(trial: Trial, job: str) -> bool:
    answer = trial.aws.sagemaker.describe_training_job(TrainingJobName=job)
    return answer["TrainingJobStatus"] in {"Stopped", "Completed", "Failed"}


CONFIRMATIONS = (
    Confirmation(
        "stopped execution",
        "The event of a stopped execution reaches the rule, and another execution cleans up after it",
        _stop,
        "the form of Step Functions' own events",
    ),
)
