"""Train: on SageMaker or on one EC2 instance; the model's address is `$model_data_uri` then."""

from typing import Any

from contracts.workflow import RUN_TAG
from state_machines.common.outcome import Finish, ask_about_failure, outcome, own_error
from state_machines.common.settings import KMS_KEY
from state_machines.common.supersede import recheck_folder
from state_machines.language.flow import Stage, in_order
from state_machines.language.sdk import Choice, State, Task, Wait, jsonata, without_nothing
from state_machines.language.tasks import KEEP_ERROR, call, catch, retry
from training.job.progress import METRIC_DEFINITIONS

# A call that is tried again names the same job: where the answer alone was lost, the name is taken then. That
# job is stopped, and the next one has another name, which SageMaker never frees.
_JOB_TRIES = 4
_NAME_TAKEN = "SageMaker.ResourceInUseException"
# Of an instance: so many tries, and as many after each pause. Half a day or so; the history of the longest
# run holds few more.
INSTANCE_TRIES = 5
MAX_CAPACITY_WAITS, CAPACITY_WAIT_S = 24, 1500
# From 0, through all pauses.
_INSTANCE_TRY = f"($capacity_waits * {INSTANCE_TRIES} + $states.context.State.RetryCount)"
# An instance that is launched again needs another token: its user data has another one, too.
_INSTANCE_NAME = f"$release_name & '-' & $string({_INSTANCE_TRY})"
# Each try in the next subnet, and so in another Availability Zone.
_SUBNETS = "$plan.vpc_config.Subnets"
# EC2's errors have one name, and a Cause without their code. InsufficientInstanceCapacity and its like are
# server errors. VcpuLimitExceeded, InstanceLimitExceeded, InsufficientFreeAddressesInSubnet and
# PendingVerification are known by their sentences. A limit of 0 never has room.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_CAPACITY_LACKING = (
    "$contains($states.errorOutput.Cause & '', /capacity.*Status Code: 5|"
    "current (vCPU|instance) limit of [1-9]|not enough free addresses in subnet|"
    "your request for accessing resources in this region is being validated/i)"
)
# An instance needs minutes to boot before its first heartbeat.
HEARTBEAT_S = 900
# Longer than any MaxRuntimeInSeconds plus MaxWaitTimeInSeconds that a plan asks for.
TRAINING_LIMIT_S = 172_800

# While trainings of other drops take all that the account may have: half a day or so, as jitter makes it.
_UNTIL_THERE_IS_ROOM = retry(
    ["SageMaker.ResourceLimitExceededException"], attempts=100, interval_s=60, max_delay_s=600
)
_NEXT_TRY = {"training_job_try": jsonata("$training_job_try + 1")}
_MODEL_DATA = {"model_data_uri": jsonata("$states.result.ModelArtifacts.S3ModelArtifacts")}


def train(finish: Finish) -> Stage:
    """A model of the drop; a folder that changed meanwhile ends here."""
    backend = Choice("EC2 backend?")
    on_ec2 = _train_on_ec2(finish)
    backend.when("$plan.backend = 'ec2'", on_ec2)
    on_demand = _train_on_demand(finish)
    on_sagemaker = _train_on_sagemaker(_spot_or_training(on_demand, finish))
    backend.next(on_sagemaker)
    trained = Stage(backend, (on_sagemaker.next, on_demand.next, on_ec2.next))
    return in_order(trained, recheck_folder(finish, then=finish.record))


def _train_on_sagemaker(on_error: State) -> Task:
    """On spot capacity where the plan says so."""
    return _training_job(
        "Train on SageMaker",
        "",
        {
            "EnableManagedSpotTraining": jsonata("$plan.use_spot"),
            "StoppingCondition": jsonata("$plan.stopping_condition"),
        },
        on_error,
    )


def _train_on_demand(finish: Finish) -> Task:
    """The fallback of spot: it goes on from the checkpoint that the spot job left."""
    limit = jsonata("$plan.stopping_condition.MaxRuntimeInSeconds")
    return _training_job(
        "Train on demand",
        "demand-",
        {"EnableManagedSpotTraining": False, "StoppingCondition": {"MaxRuntimeInSeconds": limit}},
        finish.failed,
    )


def _spot_or_training(on_demand: Task, finish: Finish) -> Choice:
    """A lack of spot capacity leads to on-demand instances; a training that failed would fail there too."""
    on_spot = Choice("Spot training?")
    read = ask_about_failure(
        "Read spot failure",
        assign={"spot_failure": jsonata("$states.result.Payload")},
        on_error=finish.failed,
        error_assign=None,
    )
    on_spot.when("$plan.use_spot = true", read)
    on_spot.next(finish.failed)
    lacking = Choice("Spot capacity lacking?", assign=outcome("failed", "$spot_failure.reason"))
    lacking.when("$spot_failure.lacks_spot_capacity = true", on_demand)
    lacking.next(finish.teardown)
    read.next(lacking)
    return on_spot


def _training_job(name: str, infix: str, capacity: dict[str, Any], on_error: State) -> Task:
    """A training job that is waited for; `infix` stands in its name between the release and the try."""
    job_name = f"$release_name & '-{infix}' & $string($training_job_try)"
    again = Choice(f"{name.replace('Train', 'Train again')}?")
    train = call(
        name,
        "sagemaker:createTrainingJob.sync",
        without_nothing(
            {
                "TrainingJobName": jsonata(job_name),
                "RoleArn": "${SageMakerRoleArn}",
                "AlgorithmSpecification": {
                    "TrainingImage": jsonata("$plan.training_image_uri"),
                    "TrainingInputMode": "File",
                    "MetricDefinitions": METRIC_DEFINITIONS,
                },
                "HyperParameters": jsonata("$plan.hyperparameters"),
                "InputDataConfig": jsonata("$plan.input_data_config"),
                "OutputDataConfig": {"S3OutputPath": jsonata("$plan.output_uri"), "KmsKeyId": KMS_KEY},
                "CheckpointConfig": {"S3Uri": jsonata("$plan.checkpoint_uri")},
                "ResourceConfig": {
                    "InstanceCount": jsonata("$plan.instance_count"),
                    "InstanceType": jsonata("$plan.instance_type"),
                    "VolumeSizeInGB": jsonata("$plan.volume_size_gb"),
                    # Refused for a type with storage of its own, which encrypts that itself:
                    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html
                    "VolumeKmsKeyId": jsonata(
                        "$settings.kms_key_arn != '' and $plan.local_storage = false ? $settings.kms_key_arn"
                    ),
                },
                "EnableNetworkIsolation": jsonata("$plan.network_isolation"),
                "VpcConfig": jsonata("$plan.vpc_config"),
                **capacity,
                "Tags": [{"Key": RUN_TAG, "Value": jsonata("$run.id")}],
            }
        ),
        assign=_MODEL_DATA,
        timeout_seconds=TRAINING_LIMIT_S,
        retries=[_UNTIL_THERE_IS_ROOM],
        catches=[catch(again, [_NAME_TAKEN], assign=KEEP_ERROR)],
        on_error=on_error,
    )
    # What ended by itself cannot be stopped, which comes under the same error name as throttling.
    stop = call(
        name.replace("Train", "Stop lost job"),
        "aws-sdk:sagemaker:stopTrainingJob",
        {"TrainingJobName": jsonata(job_name)},
        assign=_NEXT_TRY,
        on_error=train,
        error_assign=_NEXT_TRY,
    )
    stop.next(train)
    again.when(f"$training_job_try + 1 < {_JOB_TRIES}", stop)
    again.next(on_error)
    return train


def user_data() -> str:
    """The expression of the boot script: each value of the run, in base64, in the place of its name."""
    script = r"$join($settings.ec2_user_data, '\n')"
    for name, value in (
        ("job_name", _INSTANCE_NAME),
        ("plan_uri", "$plan.plan_uri"),
        ("deadline_s", "$string($plan.stopping_condition.MaxRuntimeInSeconds)"),
        ("task_token", "$states.context.Task.Token"),
    ):
        script = f"$replace({script}, '{{{name}}}', $base64encode({value}))"
    return f"$base64encode({script})"


def _train_on_ec2(finish: Finish) -> Task:
    """On one instance; where EC2 has no room for it now, a run waits for half a day or so."""
    lacking = Choice("EC2 capacity lacking?")
    train = _instance(lacking, finish)
    wait = Wait(
        "Wait for EC2 capacity",
        seconds=CAPACITY_WAIT_S,
        assign={"capacity_waits": jsonata("$capacity_waits + 1")},
    )
    wait.next(train)
    lacking.when(f"$capacity_lacking and $capacity_waits < {MAX_CAPACITY_WAITS}", wait)
    lacking.when(
        "$capacity_lacking",
        finish.failed,
        assign=own_error(
            "NoEc2Capacity",
            "'EC2 had no room for the instance in half a day of tries; run again later, with another "
            "instance_type or on SageMaker. It said: ' & $error.Cause",
        ),
    )
    lacking.next(finish.failed)
    return train


def _instance(lacking: State, finish: Finish) -> Task:
    """The instance that trains, and tells so itself; an error of EC2 leads to `lacking`."""
    why = {**KEEP_ERROR, "capacity_lacking": jsonata(_CAPACITY_LACKING)}
    tags = [
        {"Key": "Name", "Value": jsonata("$release_name")},
        {"Key": RUN_TAG, "Value": jsonata("$run.id")},
    ]
    return call(
        "Train on EC2",
        "aws-sdk:ec2:runInstances.waitForTaskToken",
        without_nothing(
            {
                "ImageId": jsonata("$plan.ec2_image_id"),
                "InstanceType": jsonata("$plan.instance_type"),
                "MinCount": 1,
                "MaxCount": 1,
                "ClientToken": jsonata(_INSTANCE_NAME),
                "IamInstanceProfile": {"Arn": "${Ec2InstanceProfileArn}"},
                "InstanceInitiatedShutdownBehavior": "terminate",
                "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
                # The root device of Amazon Linux 2023, which the Deep Learning AMI is built on.
                "BlockDeviceMappings": [
                    {
                        "DeviceName": "/dev/xvda",
                        "Ebs": {
                            "Encrypted": True,
                            "KmsKeyId": KMS_KEY,
                            "VolumeType": "gp3",
                            "VolumeSize": jsonata("$plan.volume_size_gb"),
                            "DeleteOnTermination": True,
                        },
                    }
                ],
                "TagSpecifications": [
                    {"ResourceType": "instance", "Tags": tags},
                    {"ResourceType": "volume", "Tags": tags},
                ],
                # Without them EC2 takes the default VPC, and an Availability Zone of its choice.
                "SubnetId": jsonata(f"{_SUBNETS}[{_INSTANCE_TRY} % $count({_SUBNETS})]"),
                "SecurityGroupIds": jsonata("$plan.vpc_config.SecurityGroupIds"),
                "UserData": jsonata(user_data()),
            }
        ),
        assign=_MODEL_DATA,
        timeout_seconds=TRAINING_LIMIT_S,
        heartbeat_seconds=HEARTBEAT_S,
        attempts=INSTANCE_TRIES - 1,
        catches=[catch(lacking, ["Ec2.Ec2Exception"], assign=why)],
        on_error=finish.failed,
    )
