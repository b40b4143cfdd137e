"""One deployment of the workflow on a cloud whose Tasks fail as told, and what stands of it."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import psutil

from contracts.workflow import DEPLOY_LOCK_ID, RUN_TAG
from deploy_scripts.project import STATE_MACHINE
from tests.faults.matrix.injection import Fault, write_faults
from tests.faults.support.acceptance_sample import put_sample
from tests.faults.support.workflow_stage import Ended, Stage
from tests.support.waiting import wait_until

KEY = "drops/dogs.zip"
CLASSES = ["beagle", "poodle"]
# Of the acceptance test.
PHOTOS = 2
# Every release that replaces another is a canary first, and watched afterwards, one look each.
WATCHED = {"BakeSeconds": "1", "CanaryPercent": "10", "CanarySeconds": "1"}
_SETTLE_S = 90.0
_RUNNING = ["pending", "running"]
# Trains, or does what a test wants, on an instance of EC2.
BOOT = """#!/bin/bash
behaviour=%(behaviour)s
[ "$behaviour" = hangs ] && sleep 600
[ "$behaviour" = reclaimed ] && shutdown -h now && exit 0
token=$DROPSERVE_TASK_TOKEN
if [ "$behaviour" = fails ]; then
  aws stepfunctions send-task-failure --task-token "$token" --error TrainingFailed --cause 'no photos'
else
  aws stepfunctions send-task-success --task-token "$token" --task-output '%(output)s'
fi
shutdown -h now
"""


class Deployment(Stage):
    """A stage with the real inference function and acceptance test, on which one run follows another."""

    def __init__(self, client: Any, functions: Any, cloud_pid: int) -> None:
        super().__init__(client, functions)
        self._cloud = psutil.Process(cloud_pid)
        self._serials = 0
        self.faults: dict[str, list[Fault]] = {}
        self.changes: dict[str, dict[str, Any]] = {}
        client("s3").put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})
        self.use_real("inference", "accept_model")
        self.change("JudgeModelFunction", acceptance_uri=put_sample(self, PHOTOS))
        self.let_training_learn(*CLASSES)
        self._usual_answers = json.dumps(self.answers)
        self.queue = self.subscribed_queue()
        self.profile = self._instance_profile()
        client("sagemaker").create_model_package_group(ModelPackageGroupName=self.name)
        self.parameters: dict[str, str] = {}
        self.broken: Callable[[dict[str, Any]], None] | None = None

    def _instance_profile(self) -> str:
        iam = self.client("iam")
        profile = iam.create_instance_profile(InstanceProfileName=self.name)["InstanceProfile"]
        role = self.role.rpartition("/")[2]
        iam.add_role_to_instance_profile(InstanceProfileName=self.name, RoleName=role)
        return str(profile["Arn"])

    def workflow(self) -> dict[str, Any]:
        workflow: dict[str, Any] = json.loads(STATE_MACHINE.read_text("utf-8"))
        if self.broken:
            self.broken(workflow)
        for state, fields in self.changes.items():
            workflow["States"][state] |= fields
        for state, faults in self.faults.items():
            write_faults(workflow["States"][state], faults)
        return workflow

    def start(self, document: Any = None, *, as_it_is: bool = False, **parameters: str) -> str:
        return super().start(document, as_it_is=as_it_is, **{**self._own_parameters(), **parameters})

    def machine(self) -> str:
        """One state machine for many executions; its ARN."""
        return self.bench.machine(self.definition(**self._own_parameters()), role=self.role)

    def start_on(self, machine: str, document: Any) -> str:
        """Start an execution of a state machine that is there already."""
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps(document)
        )
        return str(started["executionArn"])

    def _own_parameters(self) -> dict[str, str]:
        return {
            "Ec2InstanceProfileArn": self.profile,
            "Ec2BootUri": f"s3://{self.name}/boot.sh",
            "ModelPackageGroupName": self.name,
            # The cloud's waits are a fifth as long.
            "PollLimit": "100",
            "DrainSeconds": "3",
            **WATCHED,
            **self.parameters,
        }

    def as_usual(self) -> None:
        """From now on nothing fails."""
        self.faults, self.changes, self.parameters = {}, {}, {}
        self.answers = json.loads(self._usual_answers)

    def boot(self, behaviour: str = "trains") -> None:
        """What an instance does that trains; it ends in the model of the live release."""
        model = self.live()["model_data_uri"]
        output = json.dumps({"ModelArtifacts": {"S3ModelArtifacts": model}})
        body = BOOT % {"behaviour": behaviour, "output": output}
        self.client("s3").put_object(Bucket=self.name, Key="boot.sh", Body=body.encode())

    def pause(self) -> None:
        """Pause what is live, with all that a resume needs."""
        put_sample(self, PHOTOS, self.live()["run_id"])
        self.ended(self.start({"action": "pause"}, as_it_is=True))

    def keep_live(self) -> str:
        """The id of the live run, with all that a rollback to it needs."""
        run_id = str(self.live()["run_id"])
        put_sample(self, PHOTOS, run_id)
        plan = json.dumps(self.answers["PlanTrainingFunction"])
        self.client("s3").put_object(Bucket=self.name, Key=f"runs/{run_id}/plan.json", Body=plan.encode())
        return run_id

    def drop(self, key: str = KEY) -> dict[str, str]:
        """Drop once more; the input that S3's event makes."""
        self._serials += 1
        version = self.client("s3").put_object(Bucket=self.name, Key=key, Body=b"photos")["VersionId"]
        return {
            "source": "drop",
            "idempotency_token": "one-run-a-version",
            "key": key,
            "version_id": version,
            "sequencer": f"{self._serials:04X}",
            "event_time": "2026-11-22T08:30:00Z",
        }

    def hold_lock(self, holder: str) -> None:
        self.client("dynamodb").update_item(
            TableName=self.name,
            Key={"run_id": {"S": DEPLOY_LOCK_ID}},
            UpdateExpression="SET holder = :holder",
            ExpressionAttributeValues={":holder": {"S": holder}},
        )

    def rows(self) -> list[dict[str, str]]:
        """Every item of the ledger but the lock's, as plain texts."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.name)
        items = [item for page in pages for item in page["Items"] if item["run_id"]["S"] != DEPLOY_LOCK_ID]
        return [{name: next(iter(value.values())) for name, value in item.items()} for item in items]

    def notifications(self) -> list[str]:
        """What the topic has sent since it was asked before."""
        texts: list[str] = []
        sqs = self.client("sqs")
        while True:
            received = sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
            if not received:
                return texts
            texts += [json.loads(message["Body"])["Message"] for message in received]
            for message in received:
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    # -- what is there

    def leaks(self, *, settle_s: float = _SETTLE_S) -> list[str]:
        """What stands, trains or runs beside the live release, once all that was begun has come to an end."""
        left: list[str] = []

        def settled() -> bool:
            left[:] = [*self._left_of_releases(), *self._left_of_trainings(), *self._left_processes()]
            return not left

        try:
            wait_until(settled, timeout_s=settle_s, poll_s=0.1)
        except AssertionError:
            return sorted(left)
        return []

    def _left_of_releases(self) -> list[str]:
        live = self.live()
        paused = "paused_at" in live
        wanted = {kind: [live["release"]] for kind in ("configuration", "model")}
        wanted |= {kind: [] if paused else [live["release"]] for kind in ("endpoint", "scaling target")}
        wanted["scaling policy"] = wanted["scaling target"]
        if self._is_serverless(live["release"]):
            wanted |= {"scaling target": [], "scaling policy": []}
        found = self.standing() | {"scaling policy": self._policies()}
        return [
            *(f"{kind} {name} is left" for kind in found for name in set(found[kind]) - set(wanted[kind])),
            *(f"{kind} {name} is gone" for kind in found for name in set(wanted[kind]) - set(found[kind])),
        ]

    def _is_serverless(self, release: str) -> bool:
        sagemaker = self.client("sagemaker")
        try:
            described = sagemaker.describe_endpoint_config(EndpointConfigName=release)
        except sagemaker.exceptions.ClientError:
            return False
        return "ServerlessConfig" in described["ProductionVariants"][0]

    def _policies(self) -> list[str]:
        scaling = self.client("application-autoscaling")
        policies = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
        return [each["ResourceId"].split("/")[1] for each in policies if self.name in each["ResourceId"]]

    def _left_of_trainings(self) -> list[str]:
        jobs = self.client("sagemaker").list_training_jobs(NameContains=self.name, MaxResults=100)
        going = [
            each["TrainingJobName"]
            for each in jobs["TrainingJobSummaries"]
            if each["TrainingJobStatus"] in ("InProgress", "Stopping")
        ]
        filters = [
            {"Name": "tag-key", "Values": [RUN_TAG]},
            {"Name": "instance-state-name", "Values": _RUNNING},
        ]
        reservations = self.client("ec2").describe_instances(Filters=filters)["Reservations"]
        instances = [each["InstanceId"] for found in reservations for each in found["Instances"]]
        return [
            *(f"training job {job} goes on" for job in going),
            *(f"instance {instance} runs" for instance in instances),
        ]

    def _instances(self, endpoint: str) -> int:
        """How many serve it; none where it is gone."""
        sagemaker = self.client("sagemaker")
        try:
            described = sagemaker.describe_endpoint(EndpointName=endpoint)
        except sagemaker.exceptions.ClientError:
            return 0
        return int(described["ProductionVariants"][0].get("CurrentInstanceCount", 1))

    def _left_processes(self) -> list[str]:
        """The programs of endpoints and trainings that nothing stands for.

        An endpoint of this deployment that is left is told as itself; those of others serve beside it.
        """
        endpoints = self.client("sagemaker").list_endpoints(MaxResults=100)["Endpoints"]
        wanted = sum(self._instances(each["EndpointName"]) for each in endpoints)
        serving = training = 0
        for process in self._cloud.children(recursive=True):
            try:
                command = " ".join(process.cmdline())
            except psutil.Error:
                continue
            serving += "serve.py" in command and "/serve.py" in command and "guardian" not in command
            training += "/train.py" in command
        found = [f"{serving} processes serve instead of {wanted}"] if serving > wanted else []
        return [*found, *([f"{training} processes train"] if training else [])]


def started_by(deployment: Deployment, execution: str) -> Sequence[str]:
    """The other executions of the same state machine."""
    machine = deployment._describe(execution)["stateMachineArn"]
    found = deployment.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return [each["executionArn"] for each in found if each["executionArn"] != execution]


def ended_with_all(deployment: Deployment, execution: str) -> Ended:
    """The execution, once it and what it started has ended."""
    ended = deployment.ended(execution)
    for other in started_by(deployment, execution):
        deployment.ended(other)
    return ended
