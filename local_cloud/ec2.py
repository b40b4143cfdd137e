"""What runs on an EC2 instance: its user data, in a process group and a folder of its own.

As on AWS, user data runs once, at the first boot, and only when it is a script (`#!`); the instance
runs on when the script has ended, until it is stopped, terminated, or shuts itself down.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
"""

import logging
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local_cloud.containers import Containers
from local_cloud.iam.identity import credentials_for
from local_cloud.processes import Process, Processes

logger = logging.getLogger(__name__)

POLL_S = 0.2
STOP_GRACE_S = 5.0
CONSOLE_BYTES = 64 * 1024  # what GetConsoleOutput gives
SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
INHERITED = ("LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
# The first process of the instance: it outlives the script, as the machine does.
INIT = """
"$1"
echo "user data ended with exit status $?"
while :; do sleep 3600; done
"""
# shutdown(8) as far as a machine without users needs it; without a time it waits a minute.
SHUTDOWN = """#!/bin/sh
minutes=1
case "$0" in */poweroff|*/halt) minutes=0 ;; esac
for word in "$@"; do
  case "$word" in
    now) minutes=0 ;;
    +[0-9]*) minutes=${{word#+}} ;;
    -c) rm -f '{request}.later'; exit 0 ;;
    -r|--reboot) echo "shutdown: this instance cannot reboot" >&2; exit 1 ;;
  esac
done
if [ "$minutes" -eq 0 ]; then
  : > '{request}'
else
  : > '{request}.later'
  (sleep $((minutes * 60)); [ -e '{request}.later' ] && : > '{request}') >/dev/null 2>&1 &
fi
"""


@dataclass(frozen=True)
class Launch:
    """What an instance starts with; `image_id` as the caller gave it, e.g. `resolve:ssm:/aws/...`."""

    instance_id: str
    image_id: str
    user_data: bytes
    role_arn: str | None


@dataclass(frozen=True)
class _Machine:
    folder: Path
    process: Process
    on_shutdown: Callable[[], None]

    @property
    def shutdown_request(self) -> Path:
        return self.folder / "shutdown-requested"


class Machines:
    """The instances that run now."""

    def __init__(
        self, processes: Processes, containers: Containers, *, folder: Path, logs: Path, endpoint_url: str
    ) -> None:
        self._processes = processes
        self._containers = containers
        self._folder = folder
        self._logs = logs
        self._endpoint_url = endpoint_url
        self._lock = threading.Lock()
        self._machines: dict[str, _Machine] = {}
        self._watcher: threading.Thread | None = None

    def start(self, launch: Launch, on_shutdown: Callable[[], None]) -> None:
        """Boots an instance; `on_shutdown` is called when it shuts itself down."""
        folder = self._folder / launch.instance_id
        for name in ("home", "tmp", "bin"):
            (folder / name).mkdir(parents=True)
        self._write_shutdown_commands(folder)
        script = folder / "user-data"
        script.write_bytes(launch.user_data if launch.user_data.startswith(b"#!") else b"#!/bin/sh\n")
        script.chmod(0o700)
        process = self._processes.spawn(
            ["/bin/sh", "-c", INIT, "init", str(script)],
            env=self._environment(launch, folder),
            cwd=folder / "home",
            log_file=self.console_file(launch.instance_id),
        )
        with self._lock:
            self._machines[launch.instance_id] = _Machine(folder, process, on_shutdown)
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="ec2-shutdown", daemon=True)
                self._watcher.start()

    def stop(self, instance_id: str) -> None:
        """Ends everything on the instance and removes its folder; the console output stays."""
        with self._lock:
            machine = self._machines.pop(instance_id, None)
        if machine:
            machine.process.stop(STOP_GRACE_S)
            shutil.rmtree(machine.folder, ignore_errors=True)

    def console_file(self, instance_id: str) -> Path:
        """Where the output of the user data goes."""
        self._logs.mkdir(parents=True, exist_ok=True)
        return self._logs / f"{instance_id}.log"

    def console_output(self, instance_id: str) -> bytes:
        """The end of the console output, 64 KiB at most."""
        path = self.console_file(instance_id)
        return path.read_bytes()[-CONSOLE_BYTES:] if path.exists() else b""

    def _environment(self, launch: Launch, folder: Path) -> dict[str, str]:
        """An instance knows its role and the cloud's address; its region is its own affair, as on AWS."""
        path = (str(folder / "bin"), *self._containers.machine_path(launch.image_id), *SYSTEM_PATH)
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= {
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "PATH": ":".join(path),
            "USER": "root",
            "AWS_ENDPOINT_URL": self._endpoint_url,
        }
        if launch.role_arn:
            credentials = credentials_for(launch.role_arn, launch.instance_id)
            keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
            environment |= {key: credentials[key] for key in keys}
        return environment

    def _write_shutdown_commands(self, folder: Path) -> None:
        text = SHUTDOWN.format(request=folder / "shutdown-requested")
        for name in ("shutdown", "poweroff", "halt"):
            command = folder / "bin" / name
            command.write_text(text)
            command.chmod(0o700)

    def _watch(self) -> None:
        wait = threading.Event()
        while True:
            wait.wait(POLL_S)
            with self._lock:
                asked = [machine for machine in self._machines.values() if machine.shutdown_request.exists()]
            for machine in asked:
                machine.shutdown_request.unlink(missing_ok=True)
                try:
                    machine.on_shutdown()
                except Exception:
                    logger.exception("an instance could not shut itself down")
