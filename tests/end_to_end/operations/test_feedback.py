"""Photos that the model does not know: kept, reviewed, added to the dataset that is live, and trained on."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy_scripts.demo_data import PhotoSet

# What a run ends as whose model was judged.
JUDGED = {"live", "champion_kept"}
WANTED = 3


@pytest.fixture(scope="module")
def captured(dropserve: Any, first_release: dict[str, Any], other_photos: PhotoSet) -> Iterator[list[Any]]:
    """At least WANTED photos that were kept; none is any more at the end."""
    assert dropserve.run("deploy", "--parameter", "CaptureShare=1").returncode == 0
    with zipfile.ZipFile(other_photos.zip_file) as archive:
        photos = [archive.read(name) for name in archive.namelist() if not name.endswith("/")]
    s3, bucket = dropserve.client("s3"), dropserve.outputs["BucketName"]
    functions, function = dropserve.client("lambda"), dropserve.outputs["InferenceFunctionAliasArn"]
    for number, photo in enumerate(photos):
        key = f"uploads/feedback-{number}.jpeg"
        s3.put_object(Bucket=bucket, Key=key, Body=photo)
        asked = functions.invoke(
            FunctionName=function, Payload=json.dumps({"s3_uri": f"s3://{bucket}/{key}"})
        )
        assert json.loads(asked["Payload"].read())["statusCode"] == 200
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="captures/")
        if listed["KeyCount"] >= WANTED:
            break
    yield dropserve.json("review")
    assert dropserve.run("deploy", "--parameter", "CaptureShare=0").returncode == 0


def test_photos_in_doubt_become_a_part_of_the_next_dataset(
    dropserve: Any, captured: list[Any], tmp_path: Path
) -> None:
    assert len(captured) >= WANTED
    out, page = tmp_path / "review.csv", tmp_path / "review.html"
    assert dropserve.run("review", "--out", out, "--page", page).returncode == 0
    assert page.read_text("utf-8").count("data:image/jpeg;base64,") == len(captured)
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8"))))
    known, dropped, *others = rows
    known["action"], dropped["action"] = "relabel", "drop"
    for row in others:
        row |= {"action": "relabel", "suggested_label": known["suggested_label"]}

    done = dropserve.json("review", "--apply", written(rows, tmp_path / "edited.csv"))

    assert len(done["added"]) == len(rows) - 1
    assert done["thrown_away"] == [dropped["file"]] and done["new_classes"] == []
    assert dropserve.json("review") == []
    files = files_of(dropserve, done["run"]["dataset"])
    told = [json.loads(line) for line in files[".provenance.jsonl"].splitlines()]
    assert [line["name"] for line in told] == [each["file"] for each in done["added"]]
    assert all(line["source"].startswith("s3://") and files[line["name"]] for line in told)
    # It succeeds only where the model is better, which so few photos do not decide.
    watched = dropserve.run("watch", done["run"]["run_id"], "--json")
    assert json.loads(watched.stdout)["status"] in JUDGED, watched.stderr
    assert dropserve.json("review") == []


def written(rows: list[dict[str, str]], file: Path) -> Path:
    with file.open("w", newline="") as text:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def files_of(dropserve: Any, dataset: str) -> dict[str, bytes]:
    """The files of a dataset as it was dropped last: as a zip, or as a folder."""
    s3, bucket = dropserve.client("s3"), dropserve.outputs["BucketName"]
    folder = f"drops/{dataset}/"
    below = s3.list_objects_v2(Bucket=bucket, Prefix=folder).get("Contents", [])
    if below:
        keys = [each["Key"] for each in below]
        return {
            key.removeprefix(folder): s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys
        }
    body = s3.get_object(Bucket=bucket, Key=f"drops/{dataset}.zip")["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
