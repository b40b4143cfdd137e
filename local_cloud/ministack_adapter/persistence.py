"""The emulator's state as a part of one whole, instead of a file a service at a clean stop."""

import copy
import threading
from types import SimpleNamespace
from typing import Any

from ministack import app
from ministack.core import persistence
from ministack.core.responses import now_iso
from ministack.services import cloudformation, cloudwatch, cloudwatch_logs, lambda_svc, stepfunctions

from local_cloud.ministack_adapter import patch_points

# What becomes of a stack whose operation the server's end cut off.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
INTERRUPTED_STACKS = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_FAILED",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_FAILED",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_IN_PROGRESS": "IMPORT_ROLLBACK_FAILED",
    "IMPORT_ROLLBACK_IN_PROGRESS": "IMPORT_ROLLBACK_FAILED",
}

# Most of the state is theirs. What they give to be saved is a copy and no more, which nobody needs: the text
# is made of it at once, and copying takes longer than that.
_COPYING = (cloudformation, cloudwatch, cloudwatch_logs, stepfunctions)

encode_value = patch_points.take(persistence, "_json_default", "obj")
decode_object = patch_points.take(persistence, "_json_object_hook", "obj")


class EmulatorState:
    """Gives the emulator what was saved, and takes what is to be saved."""

    def __init__(self, saved: dict[str, Any] | None) -> None:
        """`saved`: what `capture` gave; None: take up the files of a version that saved a file a service."""
        self._saved = saved
        self.cut_off = _running_executions(saved or {})
        """ARNs of the executions that ran at the saved moment: the emulator loads them as FAILED."""
        self._code_in_use: set[str] = set()
        self._thread = threading.local()

    def install(self) -> None:
        """The emulator loads from here, and saves nothing by itself."""
        load_original = patch_points.take(app, "load_state", "service")
        patch_points.replace(
            app,
            "load_state",
            lambda service: load_original(service) if self._saved is None else self._saved.get(service),
            "service",
        )
        patch_points.replace(app, "save_all", lambda services: None, "services")
        self._prune_original = patch_points.replace(
            lambda_svc, "_prune_orphan_code_blobs", self._note_code_in_use, "referenced"
        )
        patch_points.take(app, "_build_persistence_save_dict")
        for module in _COPYING:
            copies = patch_points.take(module, "copy")
            patch_points.replace(
                module, "copy", SimpleNamespace(**{**vars(copies), "deepcopy": self._copy_unless_captured})
            )
        patch_points.take(cloudformation, "_stacks")

    def resume(self) -> None:
        """Operations on stacks that the server's end cut off have failed."""
        self._saved = None
        for stack in _all_stacks():
            ended = INTERRUPTED_STACKS.get(stack.get("StackStatus", ""))
            if ended:
                stack["StackStatus"] = ended
                stack["StackStatusReason"] = f"The server ended during the operation ({now_iso()})"

    def capture(self) -> dict[str, Any]:
        """Service -> its state, for `encode_value`. Raises RuntimeError when it changes in the meantime.

        Of some services it is what they work with.
        """
        services = app._build_persistence_save_dict()
        self._thread.captures = True
        try:
            states = {name: get_state() for name, get_state in services.items()}
        finally:
            self._thread.captures = False
        return {name: state for name, state in states.items() if state is not None}

    def _copy_unless_captured(self, value: Any, *memo: Any) -> Any:
        return value if getattr(self._thread, "captures", False) else copy.deepcopy(value, *memo)

    def is_at_rest(self) -> bool:
        """Whether no operation on a stack is half done."""
        return not any(stack.get("StackStatus") in INTERRUPTED_STACKS for stack in _all_stacks())

    def saved(self) -> None:
        """What was captured last is on disk: code that it does not need may go."""
        self._prune_original(self._code_in_use)

    def _note_code_in_use(self, referenced: set[str]) -> None:
        # Pruned only when the new state is on disk: until then the old one needs the old code.
        self._code_in_use = set(referenced)


def _running_executions(saved: dict[str, Any]) -> list[str]:
    executions = saved.get("stepfunctions", {}).get("executions")
    if executions is None:
        return []
    return [each["executionArn"] for each in executions.all_values() if each["status"] == "RUNNING"]


def _all_stacks() -> list[dict[str, Any]]:
    return list(cloudformation._stacks.all_values())
