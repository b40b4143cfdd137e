"""Datasets on their way: received from the browser or named by a path, looked at, sent on to S3."""

from __future__ import annotations

import secrets
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from deploy_scripts import local_target
from deploy_scripts.console.context import Console
from deploy_scripts.errors import CliError, explain
from deploy_scripts.operations.drops.doctor import DoctorFindings, examine_on_this_machine
from deploy_scripts.operations.drops.foresight import Inspected, Planned, inspect_dataset, plan_dataset
from deploy_scripts.operations.drops.upload import Dataset, read_dataset, upload_drop
from deploy_scripts.operations.runs.starts import wait_for_drop
from drops.limits import MAX_IMAGES

Stage = Literal["ready", "sending", "waiting", "started", "failed"]
_MOST_PART_BYTES = 255


@dataclass
class Examination:
    """What the doctor is about to find, or has found, or why it could not."""

    done: int = 0
    total: int = 0
    findings: DoctorFindings | None = None
    error: CliError | None = None

    @property
    def ended(self) -> bool:
        return self.findings is not None or self.error is not None


@dataclass
class Upload:
    """One dataset. `path` is a zip, or a folder of class folders; `shown` is what a command line calls it."""

    upload_id: str
    path: Path
    name: str
    shown: str
    is_folder: bool = False
    file_count: int = 0
    stage: Stage = "ready"
    size_bytes: int = 0
    sent_bytes: int = 0
    run_id: str = ""
    said: list[str] = field(default_factory=list)
    error: CliError | None = None
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    doctor: Examination | None = None
    inspected: Inspected | None = None
    planned: Planned | None = None

    def dataset(self, name: str | None = None) -> Dataset:
        """Raises CliError when nothing of it can go up, or not by that name."""
        dataset = read_dataset(self.path, name or self.name)
        self.size_bytes = dataset.size_bytes
        return dataset

    def inspect(self) -> Inspected:
        with self.lock:
            if self.inspected is None:
                self.inspected = inspect_dataset(self.dataset())
            return self.inspected

    def plan(self, console: Console) -> Planned:
        with self.lock:
            if self.planned is None:
                self.planned = plan_dataset(console.deployment, self.inspect())
            return self.planned


class Uploads:
    """All of a console, by their id; what the browser sent lies in the console's own folder."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._all: dict[str, Upload] = {}

    def find(self, upload_id: str) -> Upload | None:
        return self._all.get(upload_id)

    def take_file(self, file: Path, file_name: str) -> Upload:
        """A zip that was received. Raises CliError for a name that no dataset can have."""
        name = Path(_safe_part(file_name))
        upload = self._new(name.stem, file_name)
        upload.path = self._folder_of(upload) / f"upload{name.suffix}"
        file.replace(upload.path)
        upload.dataset()
        return upload

    def take_path(self, path: Path) -> Upload:
        """A zip or folder of this machine, as it lies there. Raises CliError when it is neither."""
        path = path.expanduser()
        dataset = read_dataset(path, None)
        name = dataset.name if dataset.folder else dataset.name.removesuffix(path.suffix)
        upload = self._new(name, str(path))
        upload.path, upload.is_folder = path, dataset.folder is not None
        return upload

    def begin_folder(self, name: str) -> Upload:
        """A folder whose files follow one by one."""
        upload = self._new(_safe_part(name), f"{name}/")
        upload.path, upload.is_folder = self._folder_of(upload) / "files", True
        upload.path.mkdir()
        return upload

    def take_part(self, upload: Upload, file: Path, name: str) -> None:
        """One file of a folder, by its path there. Raises CliError for a path that leads out of it."""
        parts = [_safe_part(part) for part in name.split("/")]
        with upload.lock:
            if upload.stage != "ready" or not upload.is_folder or upload.inspected:
                raise CliError("This folder takes no more files.", "Choose the folder again.")
            if upload.file_count >= MAX_IMAGES:
                raise CliError(f"The folder has more than {MAX_IMAGES} files.", "Drop fewer photos.")
            upload.file_count += 1
        target = upload.path.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)

    def examine(self, upload: Upload) -> None:
        """Have the doctor look at it, in a thread; a second call changes nothing."""
        with upload.lock:
            if upload.doctor and not (upload.doctor.ended and upload.doctor.error):
                return
            upload.doctor = Examination()
        threading.Thread(target=_examine, args=[upload.path, upload.doctor], daemon=True).start()

    def start(self, upload: Upload, name: str) -> None:
        """Send it to S3, in a thread; a second call changes nothing. Raises CliError for a wrong name."""
        dataset = upload.dataset(name)
        with upload.lock:
            if upload.stage not in {"ready", "failed"}:
                return
            upload.stage, upload.name, upload.sent_bytes, upload.error = "sending", name, 0, None
        threading.Thread(target=self._send, args=[upload, dataset], daemon=True).start()

    def _send(self, upload: Upload, dataset: Dataset) -> None:
        console, lock = self._console, threading.Lock()

        def sent(count: int) -> None:
            with lock:
                upload.sent_bytes += count

        try:
            drop = upload_drop(console.deployment, dataset, sent=sent, say=upload.said.append)
            upload.stage = "waiting"
            item = wait_for_drop(console.deployment, drop.key, drop.version_id)
            if console.deployment.aws.is_local:
                local_target.wait_until_saved()
        except Exception as error:  # noqa: BLE001 - the page tells it
            upload.error, upload.stage = explain(error), "failed"
            return
        upload.run_id, upload.stage = item.run.run_id, "started"
        console.forget()
        shutil.rmtree(self._console.folder / upload.upload_id, ignore_errors=True)

    def _new(self, name: str, shown: str) -> Upload:
        upload = Upload(secrets.token_hex(6), Path(), name, shown)
        with self._lock:
            self._all[upload.upload_id] = upload
        return upload

    def _folder_of(self, upload: Upload) -> Path:
        folder = self._console.folder / upload.upload_id
        folder.mkdir()
        return folder


def _examine(path: Path, examination: Examination) -> None:
    def progress(done: int, total: int) -> None:
        examination.done, examination.total = done, total

    try:
        examination.findings = examine_on_this_machine(path, progress)
    except Exception as error:  # noqa: BLE001 - the page tells it
        examination.error = explain(error)


def uploads_of(console: Console) -> Uploads:
    return console.kept("uploads", lambda: Uploads(console))


def _safe_part(name: str) -> str:
    """One part of a path. Raises CliError for what is none, or would lead elsewhere."""
    if name in {"", ".", ".."} or "/" in name or "\\" in name or "\0" in name:
        raise CliError(f"{name!r} is no name of a file.", "Choose the file or folder again.")
    if len(name.encode("utf-8", "surrogateescape")) > _MOST_PART_BYTES:
        raise CliError(f"The name {name[:40]!r}... is too long.", f"Use at most {_MOST_PART_BYTES} bytes.")
    return name
