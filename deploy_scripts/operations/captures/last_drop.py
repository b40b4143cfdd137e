"""The dataset that the live release is from, as it was dropped last: reviewed photos are added to it."""

from botocore.exceptions import ClientError

from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.dropped import NAME_A_ZIP, DroppedVersion
from deploy_scripts.operations.releases.live import read_live
from deploy_scripts.operations.runs.ledger import LedgerItem, read_ledger


def last_drop_of_live(deployment: Deployment) -> DroppedVersion:
    """Its newest version, or that of the live release where the object is gone.

    Raises CliError where no release is live, and where the last drop of its dataset was rejected.
    The last one, and not the live release's own: what an earlier review added may still be in training.
    """
    live = read_live(deployment)
    if live is None:
        raise CliError("No release is live.", NAME_A_ZIP)
    items = read_ledger(deployment)
    item = next((each for each in items if each.run.run_id == live.run_id), None)
    if item is None:
        raise CliError(f"The ledger knows no run {live.run_id}, which is live.", NAME_A_ZIP)
    version_id = _newest_version(deployment, item) or item.version_id
    for each in items:
        is_last = (each.bucket, each.key, each.version_id) == (item.bucket, item.key, version_id)
        if is_last and each.run.status == "rejected":
            raise CliError(
                f"The last drop of {each.run.dataset} was rejected: {each.run.reason}.", NAME_A_ZIP
            )
    return DroppedVersion(item.bucket, item.key, version_id)


def _newest_version(deployment: Deployment, item: LedgerItem) -> str | None:
    """None where the object is gone, or its bucket keeps no versions."""
    try:
        return deployment.aws.s3.head_object(Bucket=item.bucket, Key=item.key).get("VersionId")
    except ClientError as error:
        if is_error(error, "404", "NoSuchKey"):
            return None
        raise
