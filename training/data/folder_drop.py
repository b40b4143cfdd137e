"""A folder drop's photos: the versions that its manifest names, fetched from S3 into numbered files.

A file's name on disk is its number in the manifest, so that no name in a drop is ever a path.
"""

import hashlib
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drops.groups import is_groups_file
from drops.label_tables import is_label_table
from drops.layout import read_layout
from drops.manifest import FILE_NAME, Folder, ManifestError, ManifestFile, read_manifest
from drops.problems import BadDropError
from drops.text import printable
from training.data.photo_source import FolderSource, PhotoSource, open_source
from training.failures import DatasetError
from training.job import progress
from training.job.stop_signal import StopSignal

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

# Small objects take as long as their round trips.
_THREADS = 32
# On top of botocore's own, for a connection that breaks in the middle of a photo.
_ATTEMPTS = 4
_CHUNK_BYTES = 1 << 20
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
_GONE = {"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "NoSuchBucket"}
_CHANGED = "PreconditionFailed"


def open_dataset(channel: Path, stop: StopSignal | None = None) -> PhotoSource:
    """The photos of a channel's folder, fetched first where it holds a manifest.

    Raises DatasetError when the folder holds no dataset, or when S3 no longer has what was inspected.
    """
    manifest = channel / FILE_NAME
    if not manifest.is_file():
        return open_source(channel)
    text = manifest.read_bytes()
    try:
        folder, listed = read_manifest(text.decode().splitlines())
    except (ManifestError, UnicodeDecodeError) as error:
        raise DatasetError(f"the dataset's {FILE_NAME} {error}: begin a new run of the drop") from error
    # Another manifest gets another folder: what is there by number is from this one.
    digest, stop = hashlib.sha256(text).hexdigest()[:16], stop or StopSignal()
    tables = [file for file in listed if is_label_table(file.name) or is_groups_file(file.name)]
    source = FolderDropSource(listed)
    if tables:
        _fetch_all(folder, tables, channel / f"tables-{digest}", stop)
        source.add(tables, channel / f"tables-{digest}")
    try:
        layout = read_layout(source.entries(), source.read_start)
    except BadDropError as bad:
        raise DatasetError(str(bad)) from bad
    wanted = {candidate.name for candidate in layout.candidates}
    photos = [file for file in listed if file.name in wanted]
    _fetch_all(folder, photos, channel / f"photos-{digest}", stop)
    source.add(photos, channel / f"photos-{digest}")
    return source


class FolderDropSource:
    """The files of a manifest by their names in the drop; those that were fetched can be read."""

    def __init__(self, listed: list[ManifestFile]) -> None:
        self._listed = listed
        self._places: dict[str, tuple[FolderSource, str]] = {}

    def add(self, fetched: list[ManifestFile], folder: Path) -> None:
        """These files lie in the folder, by their numbers."""
        source = FolderSource(folder)
        self._places |= {file.name: (source, _file_name(number)) for number, file in enumerate(fetched)}

    def entries(self) -> list[tuple[str, int]]:
        """All that was inspected: the layout is read of the same names as at the inspection."""
        return [(file.name, file.size_bytes) for file in self._listed]

    def read(self, name: str) -> bytes:
        """A photo's bytes. Raises PhotoError when it is too large."""
        source, file_name = self._places[name]
        return source.read(file_name)

    def read_start(self, name: str, length: int) -> bytes:
        """At most the first `length` bytes of a photo."""
        source, file_name = self._places[name]
        return source.read_start(file_name, length)


def _file_name(number: int) -> str:
    return f"{number:06d}"


def _fetch_all(folder: Folder, photos: list[ManifestFile], into: Path, stop: StopSignal) -> None:
    fetcher = _Fetcher(folder, _s3_client(), stop)
    targets = ((photo, into / _file_name(number)) for number, photo in enumerate(photos))
    pool = ThreadPoolExecutor(_THREADS)
    try:
        into.mkdir(exist_ok=True)
        missing = [(photo, file) for photo, file in targets if not _is_there(file, photo.size_bytes)]
        progress.say_phase("fetch", images_total=len(photos), missing=len(missing))
        for fetched in [pool.submit(fetcher.fetch, photo, file) for photo, file in missing]:
            fetched.result()
    except OSError as error:
        raise DatasetError(f"the dropped photos cannot be written to {into}: {error.strerror}") from error
    finally:
        # After an error what waits is not begun.
        pool.shutdown(cancel_futures=True)


def _is_there(file: Path, size_bytes: int) -> bool:
    """A file gets its name only when it is whole, so the size is enough."""
    return file.is_file() and file.stat().st_size == size_bytes


def _s3_client() -> Any:
    import boto3  # noqa: PLC0415 - only a folder drop needs it
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        retries={"mode": "standard", "total_max_attempts": 8},
        max_pool_connections=_THREADS,
        connect_timeout=10,
        read_timeout=60,
    )
    # SageMaker's toolkit sets AWS_REGION, which boto3 does not read; without it boto3's own rules hold.
    return boto3.client("s3", region_name=os.environ.get("AWS_REGION") or None, config=config)


class _Fetcher:
    def __init__(self, folder: Folder, s3: Any, stop: StopSignal) -> None:
        self._folder = folder
        self._s3 = s3
        self._stop = stop

    def fetch(self, photo: ManifestFile, file: Path) -> None:
        """Raises DatasetError when S3 does not have exactly this photo."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        for attempt in range(1, _ATTEMPTS + 1):
            self._stop.check()
            try:
                self._download(photo, file)
                return
            except ClientError as error:
                raise _refusal(photo, error) from error
            except BotoCoreError as error:
                if attempt == _ATTEMPTS:
                    raise DatasetError(f"{_named(photo)} cannot be fetched: {error}") from error
                time.sleep(attempt)

    def _download(self, photo: ManifestFile, file: Path) -> None:
        answer = self._s3.get_object(
            Bucket=self._folder.bucket,
            Key=self._folder.prefix + photo.name,
            VersionId=photo.version_id,
            IfMatch=photo.etag,
        )
        if answer["ContentLength"] != photo.size_bytes:
            raise DatasetError(_not_inspected(photo))
        # Several processes may fetch into one folder: each gives a name to what it has whole.
        part = file.with_name(f"{file.name}-{os.getpid()}-{threading.get_ident()}")
        with part.open("wb") as target:
            shutil.copyfileobj(answer["Body"], target, _CHUNK_BYTES)
        part.replace(file)


def _refusal(photo: ManifestFile, error: "ClientError") -> DatasetError:
    code = error.response["Error"]["Code"]
    if code in _GONE:
        return DatasetError(
            f"{_named(photo)} is gone from the bucket since it was inspected: drop the folder again"
        )
    if code == _CHANGED:
        return DatasetError(_not_inspected(photo))
    return DatasetError(f"{_named(photo)} cannot be fetched: {printable(error, 500)}")


def _not_inspected(photo: ManifestFile) -> str:
    return f"{_named(photo)} is not what was inspected: drop the folder again"


def _named(photo: ManifestFile) -> str:
    return (
        f"'{printable(photo.name, 200)}' of the dropped folder (version {printable(photo.version_id, 100)})"
    )
