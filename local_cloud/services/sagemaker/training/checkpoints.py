"""The checkpoint folder of a training job, kept in step with CheckpointConfig.S3Uri."""

import logging
from pathlib import Path

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.services.sagemaker.s3_files import S3Files

_logger = logging.getLogger(__name__)


class Checkpoints:
    """Restores what an earlier job left, and uploads each file that is new or has changed."""

    def __init__(self, files: S3Files, folder: Path, s3_uri: str) -> None:
        self._files = files
        self._folder = folder
        self._s3_uri = s3_uri.rstrip("/")
        self._uploaded: dict[Path, tuple[int, int]] = {}

    def restore(self) -> None:
        """Downloads the checkpoints of earlier jobs, if there are any."""
        self._files.download_prefix(f"{self._s3_uri}/", self._folder)
        for path, version in self._versions():
            self._uploaded[path] = version

    def upload_changes(self) -> None:
        """Uploads what is new. A file that vanishes meanwhile is passed over: the job may rotate them."""
        for path, version in self._versions():
            if self._uploaded.get(path) == version:
                continue
            try:
                self._files.upload(path, f"{self._s3_uri}/{path.relative_to(self._folder).as_posix()}")
            except FileNotFoundError:
                continue
            except (S3UploadFailedError, BotoCoreError, ClientError) as error:
                _logger.warning("The checkpoint %s could not be uploaded: %s", path.name, error)
                continue
            self._uploaded[path] = version

    def _versions(self) -> list[tuple[Path, tuple[int, int]]]:
        found = []
        for path in sorted(self._folder.rglob("*")):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            if path.is_file():
                found.append((path, (status.st_mtime_ns, status.st_size)))
        return found
