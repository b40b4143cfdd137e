"""What happens to a deployment in its life: drops, runs by hand, answers, failures, the teardown."""

import base64
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import boto3

from contracts.bucket import METRICS, PHOTOS, UPLOADS, run_key, snapshot_key
from contracts.workflow import DEPLOY_LOCK_ID, ROLLBACK, VARIANT, Status
from deploy_scripts import local_target
from deploy_scripts.errors import CliError
from deploy_scripts.operations.audits import run_audit
from deploy_scripts.operations.captures.captures import list_captures
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.upload import read_dataset, upload_drop
from deploy_scripts.operations.function_calls import review_capacity, review_drift
from deploy_scripts.operations.predictions import predict_url, upload_photo
from deploy_scripts.operations.releases.leftovers import find_leftovers, look_for_leftovers, remove
from deploy_scripts.operations.releases.live import list_endpoints
from deploy_scripts.operations.runs.executions import start_execution
from deploy_scripts.operations.runs.ledger import LedgerItem, find_item
from deploy_scripts.operations.runs.starts import wait_for_drop, wait_for_execution
from deploy_scripts.operations.runs.training_progress import newest_training_job
from deploy_scripts.operations.scoring.jobs import Job, follow, new_job_id
from deploy_scripts.operations.scoring.jobs import start_execution as start_scoring
from deploy_scripts.permissions.photos import write_foreign_photo, write_photos, zip_photos
from deploy_scripts.permissions.scratch_cloud import ScratchCloud
from deploy_scripts.stack_teardown import destroy
from drops.keys import MARKER, PREFIX

T = TypeVar("T")

# Nothing here takes a fraction of this; what hangs must end.
_LIMIT_S = 240
_POLL_S = 0.5
_ZIP_KEY = "drops/zipped.zip"
_FOLDER_KEY = f"{PREFIX}folder/{MARKER}"
_TOKEN = re.compile(r"DROPSERVE_TASK_TOKEN=\"\$\(base64 -d <<<'([^']+)'\)\"")


@dataclass(frozen=True)
class Scenario:
    """`name` is a sentence without its full stop."""

    name: str
    run: Callable[[], None]


class Scenarios:
    """Every scenario on one deployment; later ones build on what earlier ones left."""

    def __init__(self, cloud: ScratchCloud, folder: Path) -> None:
        self._deployment: Deployment = cloud.deployment
        self._aws = cloud.deployment.aws
        self._activity_log = cloud.activity_log
        self._photos = write_photos(folder / "photos")
        self._foreign = write_foreign_photo(folder / "foreign.jpg")
        self._zip = zip_photos(self._photos, folder / "zipped.zip")
        self._first_drop: LedgerItem
        self._dead_execution: str

    def all(self) -> list[Scenario]:
        """In the order in which they can be run."""
        return [
            Scenario("A folder is dropped, trained on SageMaker and released", self._drop_folder),
            Scenario("The same drop is announced again", self._announce_again),
            Scenario("A photo is asked about by its URL and by its place in S3", self._ask),
            Scenario("Photos under two prefixes are scored, and the job is taken up again", self._score),
            Scenario("A capacity review of a day's traffic is applied, and reset", self._review_capacity),
            Scenario("A day's answers are compared with the training's", self._review_drift),
            Scenario("An endpoint that a run has left behind is found", self._find_leftovers),
            Scenario("The deployment is paused and resumed", self._pause_and_resume),
            Scenario("A file that is no dataset is dropped", self._drop_nonsense),
            Scenario("A run by hand names a drop that is not there", self._name_nothing),
            Scenario("A folder changes while it is trained on, and is taken up again", self._change_folder),
            Scenario("A zip is dropped, and its run is stopped in its training", self._stop_training),
            Scenario("A run ends while its EC2 instance still trains", self._lose_instance),
            Scenario("A training fails on an EC2 instance with a GPU", self._fail_training),
            Scenario("A run by hand trains on EC2 and replaces the live release", self._replace),
            Scenario("A photo that the model does not know is kept", self._capture),
            Scenario("The release before it is live again", self._roll_back),
            Scenario("The audit runs without a run, and finds a new administrator", self._audit),
        ]

    def teardown(self) -> Scenario:
        """The last one: nothing is left of the deployment."""
        return Scenario("The deployment is torn down", self._destroy)

    # -- the scenarios

    def _drop_folder(self) -> None:
        self._first_drop = self._drop(self._photos, name="folder")
        self._wait_for_end(self._first_drop, expected="live")

    def _drop_nonsense(self) -> None:
        item = self._drop(self._photos / "blue" / "0.jpg")
        self._wait_for_end(item, expected="rejected")

    def _name_nothing(self) -> None:
        self._wait_for_end(self._start("drops/never-dropped.zip"), expected="rejected")

    def _announce_again(self) -> None:
        drop = {"key": self._first_drop.key, "version_id": self._first_drop.version_id}
        announcement = {
            "source": "drop",
            "idempotency_token": "one-run-a-version",
            "bucket": self._first_drop.bucket,
            **drop,
        }
        execution_arn = start_execution(self._deployment, announcement)
        self._until(lambda: self._has_ended(execution_arn))

    def _ask(self) -> None:
        """The same photo by a URL and by its place in the bucket."""
        photo = self._photos / "blue" / "0.jpg"
        predict_url(self._deployment, upload_photo(self._deployment, photo, "scenario.jpg"))
        event = {"s3_uri": f"s3://{self._deployment.bucket}/{UPLOADS}scenario.jpg"}
        answer = self._aws.functions.invoke(
            FunctionName=self._deployment.outputs["InferenceFunctionAliasArn"],
            Payload=json.dumps(event).encode(),
        )
        reply = json.loads(answer["Payload"].read())
        if reply.get("statusCode") != 200:
            raise CliError(f"The inference function did not answer for {event['s3_uri']}: {reply}")

    def _capture(self) -> None:
        predict_url(self._deployment, upload_photo(self._deployment, self._foreign, "foreign.jpg"))
        if not list_captures(self._deployment):
            raise CliError("A photo of no class was asked about, and was not kept.")

    def _score(self) -> None:
        """Taken up again, a job looks at what it has written before."""
        photo, bucket = (self._photos / "blue" / "0.jpg").read_bytes(), self._deployment.bucket
        for folder in (PHOTOS, UPLOADS):
            prefix = f"{folder}scenario/"
            for number in range(3):
                self._aws.s3.put_object(Bucket=bucket, Key=f"{prefix}{number}.jpg", Body=photo)
            job = Job(new_job_id(), bucket, prefix, photos=3)
            for _ in range(2):
                summary = follow(self._deployment, start_scoring(self._deployment, job), lambda _: None)
            if summary["scored"] != 3:
                raise CliError(f"Of three photos under {prefix}, {summary['scored']} were scored.")

    def _review_capacity(self) -> None:
        """Of traffic that CloudWatch is told here: no account takes these names from a client."""
        now = int(time.time()) // 60 * 60
        (endpoint,) = list_endpoints(self._deployment)
        function = {"FunctionName": self._deployment.outputs["InferenceFunctionName"]}
        variant = {"EndpointName": endpoint, "VariantName": VARIANT}
        calls = {"Invocations": 60.0, "Duration": 300.0, "ConcurrentExecutions": 4.0}
        answers = {"Invocations": 60.0, "InvocationsPerInstance": 60.0, "ModelLatency": 40_000.0}
        told = (("AWS/Lambda", function, calls), ("AWS/SageMaker", variant, answers))
        for namespace, names, values in told:
            dimensions = [{"Name": key, "Value": value} for key, value in names.items()]
            data = [
                {"MetricName": name, "Dimensions": dimensions, "Timestamp": at, "Value": value}
                for at in range(now - 26 * 3600, now, 1800)
                for name, value in values.items()
            ]
            self._client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)
        for asked in ({"apply": True, "reset": False}, {"apply": False, "reset": True}):
            found = review_capacity(self._deployment, days=2, **asked)
            if not found["applied"]["done"]:
                raise CliError(f"The capacity review was not applied: {found['applied']['reason']}")

    def _review_drift(self) -> None:
        """Of few answers: nothing can be told of them."""
        found = review_drift(self._deployment, f"{datetime.now(UTC):%Y-%m-%d}")
        if found["drifted"] is not None:
            raise CliError(f"The review of the drift judged {found['answers']} answers.")

    def _find_leftovers(self) -> None:
        """Of a run whose execution is gone, and which the ledger still calls running."""
        run_id, sagemaker = "f" * 32, self._aws.sagemaker
        (live,) = list_endpoints(self._deployment)
        stray = self._deployment.release_of(run_id)
        variants = sagemaker.describe_endpoint_config(EndpointConfigName=live)["ProductionVariants"]
        sagemaker.create_endpoint_config(EndpointConfigName=stray, ProductionVariants=variants)
        sagemaker.create_endpoint(EndpointName=stray, EndpointConfigName=stray)
        key = {"run_id": {"S": run_id}}
        gone = {"status": {"S": "running"}, "execution_arn": {"S": f"{self._first_drop.execution_arn}-gone"}}
        self._aws.dynamodb.put_item(TableName=self._deployment.ledger_table, Item={**key, **gone})
        report = look_for_leftovers(self._deployment)
        found = find_leftovers(self._deployment)
        if [each.name for each in found] != [each["name"] for each in report["leftovers"]]:
            raise CliError(f"The function found {report['leftovers']}, the command {found}")
        if {each.name for each in found} != {stray}:
            raise CliError(f"Only {stray} was left behind, but found was {found}")
        for each in found:
            remove(self._deployment, each, lambda _: None)
        self._aws.dynamodb.delete_item(TableName=self._deployment.ledger_table, Key=key)

    def _pause_and_resume(self) -> None:
        steps: tuple[tuple[str, Status], ...] = (("pause", "paused"), ("resume", "resumed"))
        for action, expected in steps:
            self._act({"action": action}, expected)

    def _roll_back(self) -> None:
        self._act({"action": ROLLBACK, "to": self._first_drop.run.run_id}, "restored")

    def _act(self, given: dict[str, str], expected: Status) -> None:
        item = wait_for_execution(self._deployment, start_execution(self._deployment, given))
        self._wait_for_end(item, expected=expected)

    def _change_folder(self) -> None:
        """The run that takes it up is stopped: it would serve no other scenario."""
        item = self._drop(self._photos, name="changing")
        self._until(lambda: self._has_read("SageMakerRole", f"/{snapshot_key(item.run.run_id, '')}"))
        photo = (self._photos / "blue" / "0.jpg").read_bytes()
        self._aws.s3.put_object(
            Bucket=self._deployment.bucket, Key="drops/changing/blue/late.jpg", Body=photo
        )
        self._wait_for_end(item, expected="superseded")
        machine, _, _ = item.execution_arn.rpartition(":")
        self._aws.stepfunctions.stop_execution(executionArn=f"{machine}:{item.run.run_id}-rerun")

    def _stop_training(self) -> None:
        """Stopped once the job has shown that it reads the copy of the zip."""
        item = self._drop(self._zip)
        self._until(lambda: self._has_read("SageMakerRole", f"/{snapshot_key(item.run.run_id, '')}"))
        self._aws.stepfunctions.stop_execution(executionArn=item.execution_arn)
        job = newest_training_job(self._aws.sagemaker, item.run.run_id) or ""
        self._until(lambda: self._job_status(job) in {"Stopping", "Stopped"})
        self._dead_execution = item.execution_arn

    def _lose_instance(self) -> None:
        """Somebody else answers for the instance while it trains: it is found running, and ended."""
        item = self._start(_ZIP_KEY)
        self._until(lambda: self._has_read("Ec2TrainingRole", f"/{snapshot_key(item.run.run_id, '')}"))
        self._aws.stepfunctions.send_task_failure(
            taskToken=self._task_token(item.execution_arn),
            error="Verified",
            cause="the scenario ended the task",
        )
        self._wait_for_end(item, expected="failed")

    def _fail_training(self) -> None:
        """The code that it would run is damaged for a while."""
        bucket = self._deployment.outputs["ArtifactsBucketName"]
        (code,) = self._aws.s3.list_objects_v2(Bucket=bucket, Prefix="training/sourcedir-")["Contents"]
        whole = self._aws.s3.get_object(Bucket=bucket, Key=code["Key"])["Body"].read()
        self._aws.s3.put_object(Bucket=bucket, Key=code["Key"], Body=b"damaged")
        try:
            # Of its own: GPU types boot from another machine image.
            self._wait_for_end(self._start(_ZIP_KEY, instance_type="g5.xlarge"), expected="failed")
        finally:
            self._aws.s3.put_object(Bucket=bucket, Key=code["Key"], Body=whole)

    def _replace(self) -> None:
        """What the live run measured is gone; a run that is over still holds the lock."""
        metrics = run_key(self._first_drop.run.run_id, METRICS)
        self._aws.s3.delete_object(Bucket=self._deployment.bucket, Key=metrics)
        self._aws.dynamodb.update_item(
            TableName=self._deployment.ledger_table,
            Key={"run_id": {"S": DEPLOY_LOCK_ID}},
            UpdateExpression="SET holder = :dead",
            ExpressionAttributeValues={":dead": {"S": self._dead_execution}},
        )
        # So few photos can tell what is unlike them only where a third of them may be called so.
        item = self._start(_FOLDER_KEY, hyperparameters={"unknown-false-alarm-rate": 0.3})
        self._wait_for_end(item, expected="live")

    def _audit(self) -> None:
        """Of an account that has a key and an administrator of its own, besides the pipeline."""
        trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        iam, role = self._client("iam"), "scenario-administrator"
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=_policy(trust))
        iam.put_role_policy(RoleName=role, PolicyName="everything", PolicyDocument=_policy(everything))
        self._client("kms").create_key()
        if not run_audit(self._deployment).counts["critical"]:
            raise CliError("The audit did not find the administrator that the scenario made.")

    def _destroy(self) -> None:
        # An endpoint that is still being deleted cannot be deleted once more.
        self._until(lambda: len(list_endpoints(self._deployment)) == 1)
        destroy(self._aws, delete_data=True, say=lambda _: None)

    # -- steps of scenarios

    def _drop(self, path: Path, *, name: str | None = None) -> LedgerItem:
        dropped = upload_drop(
            self._deployment, read_dataset(path, name), sent=lambda _: None, say=lambda _: None
        )
        return wait_for_drop(self._deployment, dropped.key, dropped.version_id)

    def _start(self, key: str, **overrides: str | dict[str, float]) -> LedgerItem:
        """A run by hand on EC2."""
        by_hand = {"key": key, "bucket": self._deployment.bucket, "backend": "ec2", "force": True}
        start_input = {**by_hand, **overrides}
        return wait_for_execution(self._deployment, start_execution(self._deployment, start_input))

    def _wait_for_end(self, item: LedgerItem, *, expected: Status) -> None:
        self._until(lambda: self._has_ended(item.execution_arn))
        run = find_item(self._deployment, item.run.run_id).run
        if run.status != expected:
            raise CliError(
                f"A scenario's run ended as {run.status}, not as {expected}: {run.reason}",
                "The pipeline itself is at fault; `make test` tells more.",
            )

    def _has_ended(self, execution_arn: str) -> bool:
        answer = self._aws.stepfunctions.describe_execution(executionArn=execution_arn)
        return answer["status"] != "RUNNING"

    def _job_status(self, job: str) -> str:
        return self._aws.sagemaker.describe_training_job(TrainingJobName=job)["TrainingJobStatus"]

    def _task_token(self, execution_arn: str) -> str:
        """From the user data that the state machine made for the instance."""
        history = self._aws.stepfunctions.get_paginator("get_execution_history")
        for page in history.paginate(executionArn=execution_arn, includeExecutionData=True):
            for event in page["events"]:
                parameters = json.loads(event.get("taskScheduledEventDetails", {}).get("parameters", "{}"))
                user_data = base64.b64decode(parameters.get("UserData", "")).decode()
                if match := _TOKEN.search(user_data):
                    return base64.b64decode(match[1]).decode()
        raise CliError(f"The execution {execution_arn} gave no instance a task token.")

    def _has_read(self, role: str, part_of_key: str) -> bool:
        # Lines are searched as they are: the last one may be half written.
        lines = self._activity_log.read_text(encoding="utf-8").splitlines()
        return any(role in line and part_of_key in line for line in lines)

    def _client(self, service: str) -> Any:
        """Of a service that dropserve itself has no business with."""
        keys = local_target.client_variables(local_target.running_cloud())
        return cast(Any, boto3).client(
            service,
            endpoint_url=keys["AWS_ENDPOINT_URL"],
            region_name=keys["AWS_REGION"],
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        )

    def _until(self, ask: Callable[[], T | None]) -> T:
        """The first answer that is something. Raises CliError when none comes in time."""
        deadline = time.monotonic() + _LIMIT_S
        while time.monotonic() < deadline:
            if answer := ask():
                return answer
            time.sleep(_POLL_S)
        raise CliError(f"A scenario did not end within {_LIMIT_S} s.", "See `dropserve logs`.")


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
