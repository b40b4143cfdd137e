"""The dataset that the live release is from, as it was dropped last: reviewed photos are added to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.objects import objects_below
from deploy_scripts.operations.releases.live import read_live
from deploy_scripts.operations.runs.ledger import LedgerItem, read_ledger
from drops.keys import MARKER, PREFIX, dataset_of, is_zip
from drops.limits import MAX_IMAGE_BYTES

_NAME_A_ZIP = "Name a zip to add the photos to: --dataset ZIP."


@dataclass(frozen=True)
class LastDrop:
    """`version_id` is that of the newest object at the key, or of the live release's where that is gone."""

    bucket: str
    key: str
    version_id: str

    @property
    def dataset(self) -> str:
        return dataset_of(self.key)

    @property
    def is_folder(self) -> bool:
        return not is_zip(self.key)


def last_drop_of_live(deployment: Deployment) -> LastDrop:
    """Raises CliError where no release is live, and where the last drop of its dataset was rejected.

    The last one, and not the live release's own: what an earlier review added may still be in training.
    """
    live = read_live(deployment)
    if live is None:
        raise CliError("No release is live.", _NAME_A_ZIP)
    items = read_ledger(deployment)
    item = next((each for each in items if each.run.run_id == live.run_id), None)
    if item is None:
        raise CliError(f"The ledger knows no run {live.run_id}, which is live.", _NAME_A_ZIP)
    version_id = _newest_version(deployment, item) or item.version_id
    for each in items:
        is_last = (each.bucket, each.key, each.version_id) == (item.bucket, item.key, version_id)
        if is_last and each.run.status == "rejected":
            raise CliError(
                f"The last drop of {each.run.dataset} was rejected: {each.run.reason}.", _NAME_A_ZIP
            )
    return LastDrop(item.bucket, item.key, version_id)


def download_zip(deployment: Deployment, drop: LastDrop, file: Path) -> None:
    """Raises CliError when it is gone."""
    version = {"VersionId": drop.version_id} if drop.version_id else {}
    try:
        deployment.aws.s3.download_file(drop.bucket, drop.key, str(file), ExtraArgs=version)
    except ClientError as error:
        if is_error(error, "404", "NoSuchKey", "NoSuchVersion"):
            raise CliError(f"s3://{drop.bucket}/{drop.key} is gone.", _NAME_A_ZIP) from error
        raise


class DroppedFolder:
    """The files of a folder drop as they are now, by their names in it."""

    def __init__(self, deployment: Deployment, drop: LastDrop) -> None:
        """Raises CliError for a folder of another bucket, where no drop begins a run."""
        if drop.bucket != deployment.bucket:
            raise CliError(f"s3://{drop.bucket}/{drop.key} is in another bucket.", _NAME_A_ZIP)
        self._deployment = deployment
        self._prefix = f"{PREFIX}{drop.dataset}/"

    def entries(self) -> Iterator[tuple[str, int]]:
        """(name, size in bytes) of each file."""
        for key, size_bytes, _ in objects_below(self._deployment, self._deployment.bucket, self._prefix):
            name = key.removeprefix(self._prefix)
            if name and name != MARKER:
                yield name, size_bytes

    def read(self, name: str, max_bytes: int = MAX_IMAGE_BYTES) -> bytes:
        """A file's bytes. Raises CliError when it has more than `max_bytes`."""
        reply = self._deployment.aws.s3.get_object(Bucket=self._deployment.bucket, Key=self._prefix + name)
        if reply["ContentLength"] > max_bytes:
            raise CliError(f"{self._prefix}{name} has over {max_bytes} bytes.", _NAME_A_ZIP)
        return reply["Body"].read()

    def read_start(self, name: str, length: int) -> bytes:
        """At most the first `length` bytes of a file."""
        reply = self._deployment.aws.s3.get_object(Bucket=self._deployment.bucket, Key=self._prefix + name)
        return reply["Body"].read(length)


def _newest_version(deployment: Deployment, item: LedgerItem) -> str | None:
    """None where the object is gone, or its bucket keeps no versions."""
    try:
        return deployment.aws.s3.head_object(Bucket=item.bucket, Key=item.key).get("VersionId")
    except ClientError as error:
        if is_error(error, "404", "NoSuchKey"):
            return None
        raise
