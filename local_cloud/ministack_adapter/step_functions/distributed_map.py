"""The Map state in distributed mode: what it reads, batches and runs, as a role that may do so.

ministack's own knows no ItemBatcher and no JSONata in a reader, a selector or an output, lists S3 as nobody,
and stops none of its executions.
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

import contextvars
import copy
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import new_uuid, now_iso
from ministack.services import stepfunctions as sfn

from local_cloud import json_text
from local_cloud.iam.permission import Permission
from local_cloud.ministack_adapter import patch_points
from local_cloud.ministack_adapter.step_functions.data_flow import fill_template
from local_cloud.ministack_adapter.step_functions.data_limits import MAX_DATA_BYTES
from local_cloud.service_integrations.api_calls import ApiCalls
from local_cloud.service_integrations.executions import RunningExecutions

State = dict[str, Any]
# Told of what Step Functions does for a role without a request: the role's ARN, and the permission.
NoteCall = Callable[[str, Permission], None]

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_MOST_AT_ONCE = 10_000
# What a laptop is given where a state says nothing.
_USUAL_AT_ONCE = 64
_COUNTS = (
    "pending",
    "running",
    "succeeded",
    "failed",
    "timedOut",
    "aborted",
    "total",
    "resultsWritten",
    "failuresNotRedrivable",
    "pendingRedrive",
)


def install(executions: RunningExecutions, note_call: NoteCall) -> None:
    """Puts the runner below in the place of ministack's."""
    for name in ("_executions", "_map_runs", "_state_machines"):
        patch_points.take(sfn, name)
    patch_points.take(sfn, "_parse_reader_items", "text", "config")
    patch_points.take(sfn, "_run_sub_machine", "states", "start_at", "input_data", "execution", "ctx")
    patch_points.take(sfn, "_apply_jsonata_template", "value", "raw_input", "ctx", "result", "error_output")
    patch_points.take(sfn, "_next_or_end", "state_def")
    patch_points.replace(
        sfn,
        "_run_distributed_map",
        DistributedMaps(executions, note_call).run,
        "state_def",
        "raw_input",
        "effective",
        "iterator",
        "execution",
        "ctx",
    )


class DistributedMaps:
    """Runs Map states whose processor's mode is DISTRIBUTED."""

    def __init__(self, executions: RunningExecutions, note_call: NoteCall) -> None:
        self._executions = executions
        self._note_call = note_call
        self._calls = ApiCalls()

    def run(  # noqa: PLR0913, PLR0917 - the parameters of the function that it replaces
        self,
        state_def: State,
        raw_input: Any,
        effective: Any,
        iterator: State,
        execution: dict[str, Any],
        ctx: dict[str, Any],
    ) -> tuple[Any, str | None]:
        """The output and the next state."""
        fields = _Fields(state_def, raw_input, effective, ctx)
        role_arn = str(machine_of(execution)["roleArn"])
        items = self._read(fields, role_arn, execution["executionArn"].split(":")[3])
        inputs = list(_batches(fields, [fields.selected(*each) for each in enumerate(items)]))
        run = _MapRun(fields, execution, inputs, len(items))
        ended = self._executions.current()
        at_once = int(fields.number("MaxConcurrency") or 0)
        workers = min(at_once, _MOST_AT_ONCE) if at_once > 0 else min(len(inputs), _USUAL_AT_ONCE) or 1

        def run_child(number: int) -> None:
            if not ended.is_set():
                self._note_call(role_arn, Permission("states:StartExecution", execution["stateMachineArn"]))
                run.run_child(number, iterator, ctx)

        with ThreadPoolExecutor(workers, thread_name_prefix="map") as pool:
            for number in range(len(inputs)):
                pool.submit(contextvars.copy_context().run, run_child, number)
        run.end(aborted=ended.is_set())
        return fields.output(run.results), sfn._next_or_end(state_def)

    def _read(self, fields: "_Fields", role_arn: str, region: str) -> list[Any]:
        reader = fields.state.get("ItemReader")
        if not reader:
            items = fields.items()
            return items if isinstance(items, list) else [items]
        arguments = fields.filled(reader.get("Arguments") or reader.get("Parameters") or {})
        config = fields.filled(reader.get("ReaderConfig") or {})
        most = int(config.get("MaxItems") or 0) or None
        try:
            if reader.get("Resource", "").endswith(":s3:listObjectsV2"):
                return list(itertools.islice(self._listed(arguments, role_arn, region), most))
            reply = self._calls.raw("s3", "GetObject", arguments, role_arn, region)
            return list(sfn._parse_reader_items(reply["Body"].read().decode(), config)[:most])
        except (ClientError, BotoCoreError, UnicodeDecodeError, ValueError) as error:
            raise sfn._ExecutionError("States.ItemReaderFailed", str(error)) from error

    def _listed(self, arguments: dict[str, Any], role_arn: str, region: str) -> Iterator[dict[str, Any]]:
        """As the reader gives them: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html"""
        request = dict(arguments)
        while True:
            page = self._calls.raw("s3", "ListObjectsV2", request, role_arn, region)
            for found in page.get("Contents", []):
                yield {
                    "Etag": found["ETag"],
                    "Key": found["Key"],
                    "LastModified": int(found["LastModified"].timestamp()),
                    "Size": found["Size"],
                    "StorageClass": found.get("StorageClass", "STANDARD"),
                }
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]


def end_runs_of(execution_arn: str) -> None:
    """The Map runs of an execution that has failed without them."""
    for run in sfn._map_runs.values():
        if run["executionArn"] == execution_arn and run["status"] == "RUNNING":
            run.update(status="FAILED", stopDate=now_iso())


def machine_of(execution: dict[str, Any]) -> dict[str, Any]:
    """The state machine of an execution, or of the Map run that it is a part of."""
    arn = execution["stateMachineArn"].partition("/")[0]
    return dict(sfn._state_machines[arn])


@dataclass(frozen=True)
class _Fields:
    """The fields of one Map state, computed in its query language."""

    state: State
    raw_input: Any
    effective: Any
    ctx: dict[str, Any]

    @property
    def is_jsonata(self) -> bool:
        return bool(sfn._state_query_language(self.state, self.ctx) == "JSONata")

    def filled(self, template: Any, ctx: dict[str, Any] | None = None) -> Any:
        ctx = self.ctx if ctx is None else ctx
        if self.is_jsonata:
            return sfn._apply_jsonata_template(template, self.raw_input, ctx)
        return fill_template(template, self.effective, ctx)

    def number(self, name: str) -> Any:
        return self.filled(self.state.get(name))

    def items(self) -> Any:
        if self.is_jsonata:
            return self.filled(self.state.get("Items", self.raw_input))
        return sfn._resolve_path_or_ctx(self.state.get("ItemsPath", "$"), self.effective, self.ctx)

    def selected(self, index: int, item: Any) -> Any:
        selector = self.state.get("ItemSelector") or self.state.get("Parameters")
        if not selector:
            return item
        return self.filled(selector, {**self.ctx, "Map": {"Item": {"Index": index, "Value": item}}})

    def output(self, results: list[Any]) -> Any:
        if self.is_jsonata:
            arguments = (self.state, self.raw_input, self.ctx)
            output = sfn._apply_jsonata_output(*arguments, result=results, default=results)
            sfn._apply_state_assign(*arguments, result=results)
            return output
        selected = sfn._apply_result_selector(self.state, results)
        output = sfn._apply_result_path(self.state, self.raw_input, selected)
        return sfn._apply_output_path(self.state, output, self.ctx)


def _batches(fields: _Fields, items: list[Any]) -> Iterator[Any]:
    """The input of each execution: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html"""
    batcher = fields.state.get("ItemBatcher")
    if not batcher:
        yield from items
        return
    batcher = fields.filled(batcher)
    most_items = int(batcher.get("MaxItemsPerBatch") or 0) or len(items) or 1
    most_bytes = min(int(batcher.get("MaxInputBytesPerBatch") or MAX_DATA_BYTES), MAX_DATA_BYTES)
    frame = {"BatchInput": batcher["BatchInput"]} if "BatchInput" in batcher else {}
    room = most_bytes - json_text.size_bytes({**frame, "Items": []})
    batch: list[Any] = []
    size = 0
    for item in items:
        item_size = json_text.size_bytes(item) + 1
        if batch and (len(batch) == most_items or size + item_size > room):
            yield {**frame, "Items": batch}
            batch, size = [], 0
        batch.append(item)
        size += item_size
    if batch:
        yield {**frame, "Items": batch}


class _MapRun:
    """One Map run: its record, which DescribeMapRun tells, and its child executions."""

    def __init__(self, fields: _Fields, execution: dict[str, Any], inputs: list[Any], items: int) -> None:
        _, _, _, region, account, _, machine = execution["stateMachineArn"].split(":")[:7]
        label = fields.state.get("Label") or new_uuid()
        self._fields = fields
        self._parent = execution
        self._inputs = inputs
        self._machine_arn = f"{execution['stateMachineArn']}/{label}"
        self._execution_prefix = f"arn:aws:states:{region}:{account}:execution:{machine}/{label}:"
        self._lock = threading.Lock()
        self.results: list[Any] = []
        self._done: dict[int, Any] = {}
        zero = dict.fromkeys(_COUNTS, 0)
        self._record: dict[str, Any] = {
            "mapRunArn": f"arn:aws:states:{region}:{account}:mapRun:{machine}/{label}:{new_uuid()}",
            "executionArn": execution["executionArn"],
            "status": "RUNNING",
            "startDate": now_iso(),
            "maxConcurrency": int(fields.number("MaxConcurrency") or 0),
            "toleratedFailurePercentage": float(fields.number("ToleratedFailurePercentage") or 0),
            "toleratedFailureCount": int(fields.number("ToleratedFailureCount") or 0),
            "itemCounts": {**zero, "total": items, "pending": items},
            "executionCounts": {**zero, "total": len(inputs), "pending": len(inputs)},
            "redriveCount": 0,
            "_stateMachineArn": self._machine_arn,
        }
        sfn._map_runs[self._record["mapRunArn"]] = self._record

    def run_child(self, number: int, processor: State, ctx: dict[str, Any]) -> None:
        """One child execution, to its end."""
        child_input = self._inputs[number]
        name = new_uuid()
        child: dict[str, Any] = {
            "executionArn": self._execution_prefix + name,
            "stateMachineArn": self._machine_arn,
            "name": name,
            "status": "RUNNING",
            "startDate": now_iso(),
            "stopDate": None,
            "input": json.dumps(child_input),
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": {"included": True},
            "mapRunArn": self._record["mapRunArn"],
            "events": [],
            "testCase": self._parent.get("testCase"),
            "mockAttempts": {},
        }
        sfn._executions[child["executionArn"]] = child
        self._count(number, "pending", "running")
        try:
            result = sfn._run_sub_machine(
                processor["States"], processor["StartAt"], child_input, child, _child_context(child, ctx)
            )
            child.update(status="SUCCEEDED", output=json.dumps(result))
            self._done[number] = result
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this child and no more
            name, cause = getattr(error, "error", "States.Runtime"), getattr(error, "cause", repr(error))
            child.update(status="FAILED", error=name, cause=cause)
            self._done[number] = {"Status": "FAILED", "Error": name, "Cause": cause}
        child["stopDate"] = now_iso()
        self._count(number, "running", child["status"].lower())

    def end(self, *, aborted: bool) -> None:
        """Ends the run. Raises ministack's execution error where too many have failed."""
        self.results = [self._done[number] for number in sorted(self._done)]
        counts = self._record["executionCounts"]
        exceeded = not aborted and self._exceeded(counts["failed"], counts["total"])
        self._record["status"] = "ABORTED" if aborted else "FAILED" if exceeded else "SUCCEEDED"
        self._record["stopDate"] = now_iso()
        if aborted:
            for each in (counts, self._record["itemCounts"]):
                each["aborted"] += each["pending"]
                each["pending"] = 0
            raise sfn._ExecutionError("States.Runtime", "the execution has ended")
        if exceeded:
            raise sfn._ExecutionError(
                "States.ExceedToleratedFailureThreshold",
                "The specified tolerated failure threshold was exceeded",
            )

    def _exceeded(self, failed: int, total: int) -> bool:
        """With no threshold set, any failure is too much."""
        state = self._fields.state
        limits = []
        if "ToleratedFailureCount" in state:
            limits.append(failed > self._record["toleratedFailureCount"])
        if "ToleratedFailurePercentage" in state:
            limits.append(failed * 100 > self._record["toleratedFailurePercentage"] * total)
        return failed > 0 and (any(limits) if limits else True)

    def _count(self, number: int, before: str, after: str) -> None:
        given = self._inputs[number]
        items = len(given["Items"]) if "ItemBatcher" in self._fields.state else 1
        with self._lock:
            for counts, many in ((self._record["itemCounts"], items), (self._record["executionCounts"], 1)):
                counts[before] -= many
                counts[after] += many


def _child_context(child: dict[str, Any], ctx: dict[str, Any]) -> dict[str, Any]:
    """Of an execution of its own, which sees none of the variables of the state machine around it."""
    context = copy.deepcopy({name: value for name, value in ctx.items() if name not in ("Map", "variables")})
    context["Execution"] = {
        "Id": child["executionArn"],
        "Input": json.loads(child["input"]),
        "Name": child["name"],
        "StartTime": child["startDate"],
    }
    return {**context, "variables": {}}
