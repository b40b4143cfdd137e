"""The drop of a run, fetched: the very version that the run was trained on."""

from pathlib import Path

from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.runs.ledger import LedgerItem
from drops.keys import ZIP_SUFFIX, dataset_of, is_zip


def is_folder_drop(item: LedgerItem) -> bool:
    """Whether it was dropped as a folder of objects: there is no file to fetch."""
    return not is_zip(item.key)


def download_dropped_zip(deployment: Deployment, item: LedgerItem, folder: Path) -> tuple[Path, str]:
    """Its zip as a file of the folder, and the dataset's name. Raises CliError for a drop of another form."""
    if is_folder_drop(item):
        raise CliError(
            f"The drop of run {item.run.run_id} is a folder, which is not added to.",
            "Zip it, and name the zip: --dataset ZIP.",
        )
    file = folder / f"dropped{item.key[-len(ZIP_SUFFIX) :]}"
    version = {"VersionId": item.version_id} if item.version_id else {}
    deployment.aws.s3.download_file(item.bucket, item.key, str(file), ExtraArgs=version)
    return file, dataset_of(item.key)
