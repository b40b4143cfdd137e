"""The local cloud on this machine: start, find, stop, and the variables that point a client at it."""

import json
import os
import socket
import sys
import tempfile
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from deploy_scripts.container_images.addresses import registry_of
from deploy_scripts.errors import CliError
from deploy_scripts.extras import require_local_extra
from deploy_scripts.project import PROGRAMS, ROOT, cloud_state_folder, work_folder
from local_cloud import control
from local_cloud.server import run_mark
from local_cloud.server.run_mark import SuddenEnd

USUAL_PORT = 4566
REGION = "us-east-1"
_MAKE_ROOM = "Make room on the disk, or make the folder writable."
_KEPT = "`dropserve up` goes on from that moment; the objects in S3 are all there."
# About the size of a saved state.
_PROBE_BYTES = 1 << 20


def start_cloud(port: int | None = None, quotas: str | None = None) -> control.Cloud:
    """The running cloud, started if need be; `port` None means 4566, or any free one when that is taken.

    `quotas`: those of the account, None for those that it had. Raises CliError when the port is taken, the
    cloud does not start, or one runs with other quotas.
    """
    running = control.find(cloud_state_folder())
    if running:
        _refuse_other_quotas(quotas)
        return running
    require_local_extra()
    if control.is_there(cloud_state_folder()):
        port = 0  # one is starting: it has its port
    elif port is None:
        port = USUAL_PORT if _is_free(USUAL_PORT) else 0
    elif port and not _is_free(port):
        raise CliError(f"Port {port} is in use by another program.", "Name another one, or leave --port out.")
    containers = _write_containers_table()
    try:
        return control.start(cloud_state_folder(), port=port, containers=containers, quotas=quotas)
    except control.ControlError as error:
        raise CliError(
            f"The local cloud could not be started: {error}", "Correct what its log names."
        ) from error


def _refuse_other_quotas(quotas: str | None) -> None:
    actual = control.quota_set(cloud_state_folder())
    if quotas is not None and quotas != actual:
        raise CliError(
            f"The local cloud runs with the quotas {actual}, not {quotas}.",
            "Stop it first: `dropserve down`. What it holds stays.",
        )


def _write_containers_table() -> Path:
    """Whole at every moment: another command may read it just now."""
    containers = work_folder() / "containers.json"
    containers.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = containers.with_name(f"containers.{os.getpid()}.tmp")
    unfinished.write_text(json.dumps(containers_table(), indent=1))
    return unfinished.replace(containers)


def is_running() -> bool:
    """Whether a cloud answers."""
    return control.find(cloud_state_folder()) is not None


def sudden_end() -> SuddenEnd | None:
    """How the cloud before this one ended, if it did not save all."""
    return control.sudden_end(cloud_state_folder())


def cut_off() -> list[str]:
    """ARNs of the executions that ended with the cloud before this one."""
    return control.cut_off(cloud_state_folder())


def running_cloud() -> control.Cloud:
    """Raises CliError when it is not running."""
    cloud = control.find(cloud_state_folder())
    if cloud is None and control.is_there(cloud_state_folder()):
        raise CliError(
            "The local cloud does not answer: it is starting or ending, or it hangs.",
            "Wait a moment; `dropserve down` ends it in any case.",
        )
    if cloud is None:
        raise CliError("The local cloud is not running.", "Start it: `dropserve up`.")
    return cloud


def wait_until_saved() -> None:
    """Returns when a sudden end would lose nothing of what was done. Raises CliError when that cannot be."""
    try:
        control.wait_until_saved(cloud_state_folder())
    except control.ControlError as error:
        raise CliError(
            f"The local cloud cannot save its state: {error}.", f"{_MAKE_ROOM} Until then a restart loses it."
        ) from error


def save_state() -> dict[str, str | None]:
    """Of the running cloud: the moment that is on disk, and why no later one is, if saving fails."""
    return asdict(control.save_state(cloud_state_folder()))


def stop_cloud() -> bool:
    """Whether one was running. Raises CliError when it stays, or ends without having saved all."""
    folder = cloud_state_folder()
    try:
        save_error = control.save_state(folder).save_error
        earlier = run_mark.find_sudden_end(folder)
        was_running = control.stop(folder)
    except control.ControlError as error:
        raise CliError(f"The local cloud does not stop: {error}", "End that process by hand.") from error
    unsaved = run_mark.find_sudden_end(folder) if was_running else None
    # One that was not ready yet leaves what the one before left.
    if unsaved and (unsaved.ended_at is None or unsaved != earlier):
        reason = save_error or _write_error(folder) or "it did not end in time"
        raise CliError(
            f"The local cloud is stopped, but what changed last could not be saved: {reason}.",
            f"{_KEPT} {_MAKE_ROOM}",
            [f"Kept is its state of {shown_moment(unsaved.saved_at)}; what came later is lost."],
        )
    return was_running


def shown_moment(moment: datetime | None) -> str:
    """A moment for a person, to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "no moment at all"


def _write_error(folder: Path) -> str | None:
    """Why nothing can be written in the folder; None when it can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return f"{folder}: {error.strerror or error}"
    return None


def image_parameters(account_id: str, region: str) -> dict[str, str]:
    """The template's parameters that name images, as for images that were built elsewhere."""
    registry = registry_of(account_id, region)
    train = f"{registry}/dropserve/train:this-machine"
    return {
        "ServingImageUri": f"{registry}/dropserve/serve:this-machine",
        "TrainingImageUri": train,
        "GpuTrainingImageUri": train,
    }


def containers_table() -> dict[str, Any]:
    """Which program of this machine stands for which container or machine image of AWS."""
    train = [str(PROGRAMS / "train")]
    # It starts in a folder of its own, with an environment of its own.
    serve = ["/usr/bin/env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "training.serve"]
    return {
        "containers": [
            # The commands that the images of training/Dockerfile have under these names.
            {"image": r"/train[:@]", "train": train},
            {"image": r"/serve[:@]", "serve": serve},
            # AWS's own image with torch.
            {"image": r"/pytorch:", "train": train},
        ],
        # The deep learning machine images bring python3 with pip, and aws.
        "machine_images": [{"image": r".*", "path": [str(PROGRAMS)]}],
    }


def client_variables(cloud: control.Cloud) -> dict[str, str]:
    """The environment with which any AWS client works against the local cloud."""
    variables = {
        "AWS_ENDPOINT_URL": cloud.endpoint_url,
        "AWS_ACCESS_KEY_ID": cloud.root_key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": cloud.root_key.secret_access_key,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }
    if any(os.environ.get(name) for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")):
        already = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
        variables["NO_PROXY"] = ",".join(filter(None, [already, "127.0.0.1", "localhost"]))
    return variables


def log_file() -> Path:
    return running_cloud().log_file


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As a server does: a connection that was just closed does not make a port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
