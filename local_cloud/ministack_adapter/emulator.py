"""The emulator, patched: to be imported after `environment.prepare`."""

from collections.abc import Callable

from ministack import app

from local_cloud.ec2 import Machines
from local_cloud.iam import identity
from local_cloud.ministack_adapter import (
    budgets,
    cloudformation,
    credentials,
    event_targets,
    iam,
    lambda_concurrency,
    lambda_workers,
    patch_points,
    request_checks,
)
from local_cloud.ministack_adapter.cloudwatch import (
    alarm_evaluation,
    alarm_events,
    embedded_metrics,
    lambda_metrics,
)
from local_cloud.ministack_adapter.credentials import IssuedKeys
from local_cloud.ministack_adapter.iam import IamRecords
from local_cloud.ministack_adapter.instances import Instances
from local_cloud.ministack_adapter.persistence import EmulatorState
from local_cloud.ministack_adapter.s3 import events, reads, stored_writes
from local_cloud.ministack_adapter.step_functions import executions
from local_cloud.ministack_adapter.step_functions.distributed_map import NoteCall
from local_cloud.processes import Processes
from local_cloud.server.root_key import RootKey

# The ASGI application of ministack, a public name.
asgi_app = app.app

__all__ = ["Emulator", "IamRecords", "IssuedKeys", "asgi_app"]


class Emulator:
    """Installs every patch once; raises UnsupportedMinistackError when a point has changed."""

    def __init__(  # noqa: PLR0913 - one keyword a listener
        self,
        processes: Processes,
        machines: Machines,
        root_key: RootKey,
        state: EmulatorState,
        *,
        on_change: Callable[[], None],
        note_call: NoteCall,
    ) -> None:
        """`on_change` is called when something has changed that no request tells of, `note_call` with what
        Step Functions does for a role without a request.
        """
        self._state = state
        self._instances = Instances(machines)
        patch_points.check_version()
        state.install()
        iam.install()
        credentials.install(root_key)
        lambda_workers.install(processes)
        lambda_concurrency.install()
        lambda_metrics.install()
        events.install()
        alarm_events.install()
        alarm_evaluation.install()
        embedded_metrics.install()
        event_targets.install()
        reads.install()
        stored_writes.install()
        executions.install(on_change, note_call)
        request_checks.install()
        cloudformation.install()
        budgets.install()
        self._instances.install()
        self._alarms = alarm_evaluation.Evaluation()

    def register(self, session: identity.RoleSession) -> None:
        """Makes a role session known to IAM and STS."""
        iam.register(session)

    def resume(self) -> None:
        """Takes up what ran when the server ended."""
        self._state.resume()
        self._instances.resume()
        lambda_concurrency.resume()
        self._alarms.start()

    def tell_cut_off(self) -> None:
        """The executions that the server's end cut off have failed: EventBridge hears of it."""
        executions.tell_cut_off(self._state.cut_off)

    def set_lambda_concurrency(self, executions: int) -> None:
        """The account's quota of concurrent executions, from now on."""
        lambda_concurrency.set_account_limit(executions)

    def stop(self) -> None:
        """Ends the processes of functions, and all that goes on by itself."""
        self._alarms.stop()
        lambda_workers.stop_all()
