"""One deployment of the real workflow, with functions and programs whose answers a test decides."""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from deploy_scripts.cloudformation.sam_template import defaults, read_template
from deploy_scripts.permissions.template_values import condition_values, fill_in
from deploy_scripts.project import TEMPLATE
from deploy_scripts.verify_aws.template.example_values import example_values
from state_machines.training_pipeline import training_pipeline
from tests.faults.support.stage_programs import ANSWERING, CONSTANT, READER, REAL_FUNCTION, ROOT
from tests.support.cloud_bench import Bench, unique
from tests.support.waiting import wait_until

ANSWERING_FUNCTIONS = (
    "InspectDatasetFunction",
    "PlanTrainingFunction",
    "JudgeModelFunction",
    "AcceptModelFunction",
    "IamAuditFunction",
    "SetConcurrencyFunction",
)
END_OF_EXECUTION = "Step Functions Execution Status Change"
NOTHING: dict[str, list[str]] = {"endpoint": [], "configuration": [], "model": [], "scaling target": []}
_LONGEST_PAUSE = re.compile(r'("(?:IntervalSeconds|MaxDelaySeconds)": )\d+')


def only(release: str) -> dict[str, list[str]]:
    """What stands where this release does and no other."""
    return {kind: [release] for kind in NOTHING}


@cache
def template_variables(function: str) -> dict[str, str]:
    """The environment variables of a function, by its logical name, in a deployment of defaults."""
    template = read_template(TEMPLATE)
    written = [template["Globals"]["Function"], template["Resources"][function]["Properties"]]
    variables = {name: each for part in written for name, each in part["Environment"]["Variables"].items()}
    values = {**example_values(template), **defaults(template)}
    filled: dict[str, str] = fill_in(variables, {**values, **condition_values(template, values)})
    return filled


class SharedFunctions:
    """Functions of every stage: one that is asked again needs no new process.

    Each answers what the file of the stage says that owns the bucket of the run.
    """

    def __init__(self, client: Callable[..., Any], folder: Path) -> None:
        self.bench = Bench(client)
        self._folder = folder
        role = self.bench.role()
        self.readers = {
            logical: self._arn(self.bench.function(READER.format(root=ROOT, name=name, call=call), role=role))
            for logical, name, call in (
                ("ReadInputFunction", "read_input", "read_input(event)"),
                ("ReadFailureFunction", "read_failure", 'read_failure(event["error"])'),
            )
        }
        self.answering = {
            name: self.bench.function(ANSWERING.format(folder=str(folder), name=name), role=role)
            for name in ANSWERING_FUNCTIONS
        }

    def _arn(self, function: str) -> str:
        described = self.bench.client("lambda").get_function_configuration(FunctionName=function)
        return str(described["FunctionArn"])

    def answer(self, stage: str, answers: dict[str, dict[str, Any]]) -> None:
        """Let them answer so from now on when this stage asks."""
        file = self._folder / f"{stage}.new"
        file.write_text(json.dumps(answers))
        file.replace(self._folder / stage)


class Stage:
    """One deployment of the workflow: its bucket, ledger, pointer, topic and answers are its own."""

    def __init__(self, client: Callable[..., Any], functions: SharedFunctions) -> None:
        self.client = client
        self.bench = Bench(client)
        self.name = unique("stage")
        self.pointer_name = f"/{self.name}/live"
        self.capacity_name = f"/{self.name}/capacity"
        self.role = self.bench.role()
        client("s3").create_bucket(Bucket=self.name)
        client("s3").put_object(Bucket=self.name, Key="drops/dogs.zip", Body=b"photos")
        client("dynamodb").create_table(
            TableName=self.name,
            AttributeDefinitions=[{"AttributeName": "run_id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "run_id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.topic = client("sns").create_topic(Name=self.name)["TopicArn"]
        self.inference = ""
        self.use_inference(self.function({}))
        self._functions = functions
        self._machines: dict[str, str] = {}
        self.real_functions = dict(functions.readers)
        # Other arguments of a Task, by the name of its state: a call that AWS refuses.
        self.arguments: dict[str, dict[str, Any]] = {}
        # Those that take a release back.
        self.alarms: list[str] = []
        self.answers: dict[str, dict[str, Any]] = {
            "InspectDatasetFunction": {
                "accepted": True,
                "dataset": "dogs",
                "drop_order_ms": 1000,
                "findings": "",
            },
            "PlanTrainingFunction": self.plan(),
            "JudgeModelFunction": {
                "promote": True,
                "status": None,
                "reason": "better",
                "accuracy": 0.9,
                "judged_against": "whoever is live",
                "acceptance_uri": f"s3://{self.name}/runs/1/acceptance.json",
                "metrics_uri": f"s3://{self.name}/runs/1/metrics.json",
            },
            "AcceptModelFunction": {"summary": "as in training"},
            "SetConcurrencyFunction": {"ready": True, "note": ""},
            "IamAuditFunction": {"blocked": False, "reason": "nothing found"},
        }

    def function(self, answer: dict[str, Any]) -> str:
        """A function of this stage alone, which gives always the same answer."""
        return self.bench.function(CONSTANT.format(answer=answer), role=self.role)

    def use_inference(self, function: str) -> None:
        """Let this function answer, by its alias `live`."""
        version = self.client("lambda").publish_version(FunctionName=function)["Version"]
        self.client("lambda").create_alias(FunctionName=function, Name="live", FunctionVersion=version)
        self.inference = function

    def use_real(self, *names: str, **environment: str) -> None:
        """Let this repository's own functions of these names answer, `inference` and others.

        Their variables are the template's with its defaults, but for what is of this stage.
        """
        variables = {
            "DATA_BUCKET": self.name,
            "LIVE_POINTER_PARAMETER": self.pointer_name,
            "CAPACITY_PARAMETER": self.capacity_name,
            "POINTER_CACHE_S": "1",
            "RESERVED_CONCURRENCY": "2",
            "PROVISIONED_CONCURRENCY": "1",
            "INFERENCE_FUNCTION": self.inference,
            "POWERTOOLS_METRICS_NAMESPACE": self.name,
            "POWERTOOLS_TRACE_DISABLED": "true",
            **environment,
        }
        for name in names:
            logical = "".join(part.capitalize() for part in name.split("_")) + "Function"
            code = REAL_FUNCTION.format(root=ROOT, name=name)
            own = {"Variables": {**template_variables(logical), **variables}}
            function = self.bench.function(code, role=self.role, timeout_s=600, Environment=own)
            if name == "inference":
                self.use_inference(function)
                variables["INFERENCE_FUNCTION"] = f"{function}:live"
                continue
            self.real_functions[logical] = function

    def plan(self, **changes: Any) -> dict[str, Any]:
        """What plan_training would answer for this stage."""
        return {
            "accepted": True,
            "backend": "sagemaker",
            "instance_type": "ml.m5.large",
            "instance_count": 1,
            "use_spot": False,
            "local_storage": False,
            "training_image_uri": "tiny-training",
            "serving_image_uri": "tiny-serving",
            "hyperparameters": {},
            "input_data_config": [
                {
                    "ChannelName": "dataset",
                    "DataSource": {
                        "S3DataSource": {
                            "S3DataType": "S3Prefix",
                            "S3Uri": f"s3://{self.name}/drops/dogs.zip",
                        }
                    },
                }
            ],
            "network_isolation": False,
            "volume_size_gb": 5,
            "stopping_condition": {"MaxRuntimeInSeconds": 60},
            "endpoint_instance_type": "ml.m5.large",
            "output_uri": f"s3://{self.name}/runs",
            "checkpoint_uri": f"s3://{self.name}/checkpoints",
            **changes,
        }

    def serve_without_instances(self) -> None:
        """Every endpoint of this stage is serverless from now on."""
        serverless = {"endpoint_kind": "serverless", "serverless_memory_mb": 2048}
        self.change("PlanTrainingFunction", **serverless, serverless_max_concurrency=3)

    def let_training_fail(self, reason: str, **changes: Any) -> None:
        """Every training job of this stage ends with this reason."""
        self.change("PlanTrainingFunction", hyperparameters={"fail": reason}, **changes)

    def let_training_learn(self, *classes: str) -> None:
        """Every endpoint of this stage answers the last one of these classes from now on."""
        self.change("PlanTrainingFunction", hyperparameters={"classes": json.dumps(classes)})

    def let_training_read(self, key: str, **changes: Any) -> None:
        """Every training job of this stage gets this object as its dataset."""
        channel = self.plan()["input_data_config"][0]
        channel["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{self.name}/{key}"
        self.change("PlanTrainingFunction", input_data_config=[channel], **changes)

    def let_training_sleep(self, seconds: float = 600, **changes: Any) -> None:
        """Every training job of this stage takes so long, which is longer than it may unless given."""
        self.change("PlanTrainingFunction", hyperparameters={"sleep_s": str(seconds)}, **changes)

    def until_trains(self) -> str:
        """The name of the job, once one trains."""
        jobs = wait_until(lambda: [each for each in self.training_jobs() if self._trains(each)], timeout_s=60)
        return str(jobs[0]["TrainingJobName"])

    def _trains(self, job: dict[str, Any]) -> bool:
        found = self.client("sagemaker").describe_training_job(TrainingJobName=job["TrainingJobName"])
        return bool(found["SecondaryStatus"] == "Training")

    def add_alarm(self) -> str:
        """The name of an alarm that takes the releases of this stage back."""
        self.alarms.append(unique(f"{self.name}-alarm"))
        self.client("cloudwatch").put_metric_alarm(
            AlarmName=self.alarms[-1],
            Namespace=self.name,
            MetricName="Faults",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
        )
        return self.alarms[-1]

    def add_live_alarms(self) -> None:
        """The template's own alarms of the live release, on this stage's metrics."""
        template = read_template(TEMPLATE)
        given = {**example_values(template), **defaults(template), "AWS::StackName": self.name}
        for logical in ("LiveFailuresAlarm", "LiveLatencyAlarm", "LiveConfidenceAlarm"):
            alarm = fill_in(template["Resources"][logical]["Properties"], given)
            own = {"Threshold": float(alarm["Threshold"]), "AlarmActions": []}
            self.client("cloudwatch").put_metric_alarm(**{**alarm, **own})
            self.alarms.append(alarm["AlarmName"])

    def ring(self, alarm: str) -> None:
        """The alarm goes off."""
        self.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")

    def subscribed_queue(self) -> str:
        """The URL of a queue that gets what the topic sends."""
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=unique("queue"))["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.client("sns").subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        return str(url)

    def notification(self, queue_url: str) -> tuple[str, str]:
        """Subject and text of the one message in the queue."""
        received = self.client("sqs").receive_message(QueueUrl=queue_url, WaitTimeSeconds=10)
        (message,) = received["Messages"]
        body = json.loads(message["Body"])
        return body["Subject"], body["Message"]

    def training_jobs(self) -> list[dict[str, Any]]:
        jobs = self.client("sagemaker").list_training_jobs(NameContains=self.name)["TrainingJobSummaries"]
        return list(jobs)

    def change(self, function: str, **changes: Any) -> None:
        """Let a function answer otherwise from now on."""
        self.answers[function] = {**self.answers[function], **changes}
        self._functions.answer(self.name, self.answers)

    def run(self, document: Any = None, **parameters: Any) -> "Ended":
        """A whole execution of the workflow, with the template's parameters changed as given."""
        return self.ended(self.start(document, **parameters))

    def ended(self, execution: str) -> "Ended":
        """The execution, once it has ended."""
        self.until_ended(execution)
        return Ended(self, execution)

    def until_ended(self, execution: str) -> None:
        """Wait, and read nothing of what it left."""
        wait_until(lambda: self._describe(execution)["status"] != "RUNNING", timeout_s=600)

    def start(self, document: Any = None, *, as_it_is: bool = False, **parameters: str) -> str:
        """Start an execution; the input has a key unless it is to be taken `as_it_is`."""
        self._functions.answer(self.name, self.answers)
        given = document if as_it_is else {"key": "drops/dogs.zip", **(document or {})}
        definition = self.definition(**parameters)
        # A machine for each definition: what starts again, as a clean-up, needs no other.
        text = json.dumps(definition)
        if text not in self._machines:
            self._machines[text] = self.bench.machine(definition, self.role)
        return self.bench.start_on(self._machines[text], given)

    def definition(self, **parameters: str) -> dict[str, Any]:
        """What Step Functions gets: with this stage's values, and without long pauses between tries."""
        # As many tries as ever.
        text = _LONGEST_PAUSE.sub(r"\g<1>1", json.dumps(self.workflow()))
        for name, value in self._substitutions(**parameters).items():
            text = text.replace(f"${{{name}}}", value)
        definition: dict[str, Any] = json.loads(text)
        return definition

    def workflow(self) -> dict[str, Any]:
        """The definition that the next execution gets, before its parameters are put in."""
        workflow = training_pipeline()
        for state, arguments in self.arguments.items():
            workflow["States"][state]["Arguments"] = arguments
        return workflow

    def stopped_at(self, state: str, document: Any = None, **parameters: Any) -> str:
        """An execution that somebody stopped once it had come to `state`."""
        execution = self.start(document, **parameters)
        self.until_entered(execution, state)
        self.client("stepfunctions").stop_execution(executionArn=execution)
        return execution

    def clean_up(self, execution: str, **parameters: str) -> "Ended":
        """What the rule for ended executions starts."""
        return self.ended(self.start(self.end_of(execution), as_it_is=True, **parameters))

    def end_of(self, execution: str) -> dict[str, Any]:
        """The event of an execution's end."""
        found = self._describe(execution)
        detail = {
            "executionArn": execution,
            "stateMachineArn": found["stateMachineArn"],
            "name": found["name"],
            "status": found["status"],
            "input": found["input"],
            "error": found.get("error"),
            "cause": found.get("cause"),
        }
        return {"source": "aws.states", "detail-type": END_OF_EXECUTION, "detail": detail}

    def item(self, run_id: str) -> dict[str, str]:
        """An item of the ledger, as plain texts."""
        answer = self.client("dynamodb").get_item(TableName=self.name, Key={"run_id": {"S": run_id}})
        return {name: next(iter(value.values())) for name, value in answer.get("Item", {}).items()}

    def item_of(self, execution: str) -> dict[str, str]:
        """The item of the ledger that an execution wrote; empty when it wrote none."""
        found = [
            item["run_id"]["S"]
            for item in self.client("dynamodb").scan(TableName=self.name)["Items"]
            if item.get("execution_arn", {}).get("S") == execution
        ]
        return self.item(*found) if found else {}

    def put_lock(self, holder: str, newest_drop_order_ms: int = 0, **texts: str) -> None:
        item = {"run_id": {"S": "deploy-lock"}, "holder": {"S": holder}}
        item["newest_drop_order_ms"] = {"N": str(newest_drop_order_ms)}
        item |= {name: {"S": text} for name, text in texts.items()}
        self.client("dynamodb").put_item(TableName=self.name, Item=item)

    def live(self) -> dict[str, Any]:
        """The live pointer; empty before the first release, which makes the parameter."""
        ssm = self.client("ssm")
        try:
            value = ssm.get_parameter(Name=self.pointer_name)["Parameter"]["Value"]
        except ssm.exceptions.ParameterNotFound:
            return {}
        pointer: dict[str, Any] = json.loads(value)
        return pointer

    def standing(self) -> dict[str, list[str]]:
        """Names of this stage's releases that stand, by kind."""
        sagemaker, scaling = self.client("sagemaker"), self.client("application-autoscaling")
        targets = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        found = {
            "endpoint": [each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"]],
            "configuration": [
                each["EndpointConfigName"] for each in sagemaker.list_endpoint_configs()["EndpointConfigs"]
            ],
            "model": [each["ModelName"] for each in sagemaker.list_models()["Models"]],
            "scaling target": [each["ResourceId"].split("/")[1] for each in targets],
        }
        return {kind: [name for name in names if self.name in name] for kind, names in found.items()}

    def until_entered(self, execution: str, state: str, times: int = 1) -> None:
        """Wait until the execution has come to `state` that often."""

        def entered() -> bool:
            history = self.client("stepfunctions").get_execution_history(
                executionArn=execution, maxResults=1000
            )
            names = [event.get("stateEnteredEventDetails", {}).get("name") for event in history["events"]]
            return names.count(state) >= times

        wait_until(entered, timeout_s=60)

    def _describe(self, execution: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client("stepfunctions").describe_execution(executionArn=execution)
        return found

    def _substitutions(self, **parameters: str) -> dict[str, str]:
        return {
            "StackName": self.name,
            "Region": "us-east-1",
            "DataBucket": self.name,
            "LedgerTable": self.name,
            "LivePointerParameter": self.pointer_name,
            "CapacityParameter": self.capacity_name,
            "NotificationTopicArn": self.topic,
            "SageMakerRoleArn": self.role,
            "Ec2InstanceProfileArn": "arn:aws:iam::000000000000:instance-profile/none",
            "Ec2BootUri": "s3://none/boot.sh",
            "TrainingCodeUri": "s3://none/sourcedir.tar.gz",
            "Ec2LogGroup": "/none/ec2-training",
            "KmsKeyArn": "",
            "ModelPackageGroupName": "",
            "MinInstances": "1",
            "MaxInstances": "2",
            "TargetInvocationsPerInstance": "600",
            "PollSeconds": "1",
            "PollLimit": "60",
            "DrainSeconds": "0",
            "BakeSeconds": "0",
            "CanaryPercent": "0",
            "CanarySeconds": "0",
            "LiveAlarms": ",".join(self.alarms or ["none"]),
            "CanaryAlarms": ",".join(self.alarms or ["none"]),
            **self._functions.answering,
            **self.real_functions,
            **parameters,
        }


class Ended:
    """An execution that has ended, with what it left."""

    def __init__(self, stage: Stage, execution: str) -> None:
        description = stage._describe(execution)
        self.execution = execution
        self.status = description["status"]
        pages = stage.client("stepfunctions").get_paginator("get_execution_history")
        events = pages.paginate(executionArn=execution).build_full_result()["events"]
        details = [
            event["stateEnteredEventDetails"] for event in events if "stateEnteredEventDetails" in event
        ]
        self.states = [detail["name"] for detail in details]
        self.item = stage.item_of(self.execution)
        self.run_id = self.item.get("run_id", "")
