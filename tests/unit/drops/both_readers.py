"""Asks the inspection and training about one drop."""

from pathlib import Path
from typing import Any

from tests.unit.drops.made_zips import as_channel
from tests.unit.inspect_dataset.inspecting import codes, inspect, inspect_bytes
from training.data.dataset import Dataset, load_dataset
from training.data.photo_source import open_source
from training.settings import SplitConfig

CONFIG = SplitConfig(0.2, 0.2, 0)


def train_on(channel: Path, inspected_sha256: str | None = None) -> Dataset:
    """Raises DatasetError, as training does."""
    return load_dataset(open_source(channel), CONFIG, threads=2, inspected_sha256=inspected_sha256)


def read_both(s3: Any, make_run: Any, folder: Path, body: bytes) -> tuple[list[str], list[str]]:
    """The classes of an accepted zip, as inspected and as trained."""
    result, report = inspect_bytes(s3, make_run, body)
    assert result["accepted"], result["reason"]
    dataset = train_on(as_channel(folder, body), result["layout_sha256"])
    return [row["label"] for row in report["classes"]], dataset.classes


def refusal(s3: Any, make_run: Any, body: bytes) -> tuple[list[str], str]:
    """The codes and the sentence over a zip that the inspection refuses."""
    result, report = inspect_bytes(s3, make_run, body)
    assert not result["accepted"]
    return codes(report), result["reason"]


def drop_folder(s3: Any, make_run: Any, files: dict[str, bytes]) -> tuple[dict[str, Any], dict[str, Any]]:
    for name, body in files.items():
        s3.drop(f"drops/pets/{name}", body)
    s3.drop("drops/pets/_SUCCESS", b"")
    return inspect(s3, make_run("drops/pets/_SUCCESS"))
