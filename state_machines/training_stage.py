"""The second act: train on SageMaker or on one EC2 instance, then let the challenger be judged."""

from typing import Any

from contracts.workflow import RUN_TAG
from state_machines.endings import Endings, read_failure
from state_machines.settings import EC2_BOOT_ARGUMENTS
from state_machines.states_language import Chain, Choice, ChoiceRule, Task
from state_machines.tasks import THIS_RUN, call, invoke_function, retry, update_item
from training.runtime.progress import METRIC_DEFINITIONS

# A retried job must not reuse its name: SageMaker keeps the name of a failed one.
JOB_NAME = "States.Format('{}-{}', $.release.name, $$.State.RetryCount)"
# An instance needs minutes to boot before its first heartbeat.
HEARTBEAT_S = 900
# Longer than any MaxRuntimeInSeconds plus MaxWaitTimeInSeconds that a plan asks for.
TRAINING_LIMIT_S = 172_800

_MODEL_DATA = {"model_data_uri.$": "$.ModelArtifacts.S3ModelArtifacts"}


def train(endings: Endings, then: Any) -> Choice:
    """Each branch ends in `then` with `$.training.model_data_uri`."""
    choice = Choice("Which backend?")
    on_ec2 = _train_on_ec2(endings)
    on_ec2.next(then)
    choice.add_choice(ChoiceRule.StringEquals("$.plan.answer.backend", "ec2"), on_ec2)
    on_demand = _train_on_demand(endings)
    on_demand.next(then)
    return Chain([choice, _train_on_sagemaker(_spot_or_training(on_demand, endings)), then])


def _train_on_sagemaker(on_error: Any) -> Task:
    """On spot capacity where the plan says so."""
    return _training_job(
        "Train on SageMaker",
        JOB_NAME,
        {
            "EnableManagedSpotTraining.$": "$.plan.answer.use_spot",
            "StoppingCondition.$": "$.plan.answer.stopping_condition",
        },
        on_error,
    )


def _train_on_demand(endings: Endings) -> Task:
    """The fallback of spot: it goes on from the checkpoint that the spot job left."""
    limit = "$.plan.answer.stopping_condition.MaxRuntimeInSeconds"
    return _training_job(
        "Train on demand",
        "States.Format('{}-demand-{}', $.release.name, $$.State.RetryCount)",
        {"EnableManagedSpotTraining": False, "StoppingCondition": {"MaxRuntimeInSeconds.$": limit}},
        endings.failed,
    )


def _spot_or_training(on_demand: Task, endings: Endings) -> Choice:
    """A lack of spot capacity leads to on-demand instances; a training that failed would fail there too."""
    reason = Choice("Was spot the reason?")
    reason.add_choice(ChoiceRule.BooleanEquals("$.error.answer.lacks_spot_capacity", True), on_demand)
    reason.default_choice(endings.note_failure)
    on_spot = Choice("Was it on spot?")
    on_spot.add_choice(
        ChoiceRule.BooleanEquals("$.plan.answer.use_spot", True),
        read_failure("Read spot failure", reason, on_error=endings.failed),
    )
    on_spot.default_choice(endings.failed)
    return on_spot


def _training_job(name: str, job_name: str, capacity: dict[str, Any], on_error: Any) -> Task:
    return call(
        name,
        "sagemaker:createTrainingJob.sync",
        {
            "TrainingJobName.$": job_name,
            "RoleArn": "${SageMakerRoleArn}",
            "AlgorithmSpecification": {
                "TrainingImage.$": "$.plan.answer.training_image_uri",
                "TrainingInputMode": "File",
                "MetricDefinitions": METRIC_DEFINITIONS,
            },
            "HyperParameters.$": "$.plan.answer.hyperparameters",
            "InputDataConfig.$": "$.plan.answer.input_data_config",
            "OutputDataConfig": {"S3OutputPath.$": "$.plan.answer.output_uri"},
            "CheckpointConfig": {"S3Uri.$": "$.plan.answer.checkpoint_uri"},
            "ResourceConfig": {
                "InstanceCount.$": "$.plan.answer.instance_count",
                "InstanceType.$": "$.plan.answer.instance_type",
                "VolumeSizeInGB.$": "$.plan.answer.volume_size_gb",
            },
            **capacity,
            "Tags": [{"Key": RUN_TAG, "Value.$": "$.run.id"}],
        },
        select=_MODEL_DATA,
        into="$.training",
        timeout_seconds=TRAINING_LIMIT_S,
        retries=[retry(["SageMaker.ResourceLimitExceededException"], interval_s=60, max_delay_s=600)],
        on_error=on_error,
    )


def _train_on_ec2(endings: Endings) -> Task:
    tags = [
        {"Key": "Name", "Value.$": "$.release.name"},
        {"Key": RUN_TAG, "Value.$": "$.run.id"},
    ]
    return call(
        "Train on EC2",
        "aws-sdk:ec2:runInstances.waitForTaskToken",
        {
            "ImageId.$": "$.plan.answer.ec2_image_id",
            "InstanceType.$": "$.plan.answer.instance_type",
            "MinCount": 1,
            "MaxCount": 1,
            "ClientToken.$": JOB_NAME,
            "IamInstanceProfile": {"Arn": "${Ec2InstanceProfileArn}"},
            "InstanceInitiatedShutdownBehavior": "terminate",
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
            # The root device of Amazon Linux, which the Deep Learning AMI is built on.
            "BlockDeviceMappings": [
                {
                    "DeviceName": "/dev/xvda",
                    "Ebs": {
                        "Encrypted": True,
                        "VolumeType": "gp3",
                        "VolumeSize.$": "$.plan.answer.volume_size_gb",
                        "DeleteOnTermination": True,
                    },
                }
            ],
            "TagSpecifications": [
                {"ResourceType": "instance", "Tags": tags},
                {"ResourceType": "volume", "Tags": tags},
            ],
            "UserData.$": (
                "States.Base64Encode(States.Format($.settings.ec2_user_data, "
                f"{', '.join(EC2_BOOT_ARGUMENTS)}))"
            ),
        },
        select=_MODEL_DATA,
        into="$.training",
        timeout_seconds=TRAINING_LIMIT_S,
        heartbeat_seconds=HEARTBEAT_S,
        on_error=endings.failed,
    )


def judge_model(endings: Endings) -> Chain:
    """Only a better model goes on; its accuracy is in the ledger either way."""
    task = invoke_function(
        "Judge model",
        "${JudgeModelFunction}",
        {"run.$": "$.run", "plan.$": "$.plan.answer", "training.$": "$.training"},
        into="$.verdict",
        on_error=endings.failed,
    )
    record = update_item(
        "Record accuracy",
        THIS_RUN,
        {"accuracy": {"N.$": "States.Format('{}', $.verdict.answer.accuracy)"}},
        on_error=endings.failed,
    )
    choice = Choice("Is it better?")
    choice.add_choice(ChoiceRule.BooleanEquals("$.verdict.answer.promote", False), endings.not_promoted)
    return Chain([task, record, choice])
