"""An older drop never replaces a newer one: of one key by S3's sequencer and version, of others by time."""

import itertools
from typing import Any

import pytest

pytestmark = pytest.mark.cloud

KEY = "drops/dogs.zip"
SECOND = "2026-11-22T08:30:00Z"


@pytest.fixture
def versioned(stage: Any) -> Any:
    """The stage with a bucket that keeps versions; what the inspection says of the order is the event's."""
    stage.client("s3").put_bucket_versioning(Bucket=stage.name, VersioningConfiguration={"Status": "Enabled"})
    return stage


def dropped(stage: Any, sequencer: str = "0A", key: str = KEY) -> dict[str, str]:
    """Drop once more; gives the input that S3's event makes."""
    version_id = stage.client("s3").put_object(Bucket=stage.name, Key=key, Body=b"photos")["VersionId"]
    return {**event(sequencer, key), "version_id": version_id}


def event(sequencer: str, key: str = KEY) -> dict[str, str]:
    return {
        "source": "drop",
        "idempotency_token": "one-run-a-version",
        "key": key,
        "sequencer": sequencer,
        "event_time": SECOND,
    }


def test_a_drop_that_was_dropped_again_gives_way_before_anything_is_paid_for(versioned: Any) -> None:
    old, new = dropped(versioned, "0A"), dropped(versioned, "0B")
    first, second = versioned.run(old), versioned.run(new)
    assert (first.status, first.item["status"]) == ("SUCCEEDED", "superseded")
    assert first.item["reason"] == f"{KEY} was dropped again since: the newer version has a run of its own"
    assert "Inspect dataset" not in first.states
    assert second.item["status"] == "live"


def test_a_drop_that_was_dropped_again_while_it_trained_gives_way_and_frees_the_lock(versioned: Any) -> None:
    versioned.let_training_sleep(3)
    execution = versioned.start(dropped(versioned))
    versioned.until_trains()
    dropped(versioned, "0B")
    run = versioned.ended(execution)
    assert run.item["status"] == "superseded"
    assert "Acquire deploy lock" in run.states
    assert "Create model" not in run.states
    assert versioned.item("deploy-lock")["holder"] == "nobody"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_of_three_drops_of_one_key_in_a_second_the_newest_is_live(versioned: Any, order: Any) -> None:
    events = [dropped(versioned, sequencer) for sequencer in ("09", "0A", "10")]
    executions = [versioned.start(events[number]) for number in order]
    runs = {number: versioned.ended(each) for number, each in zip(order, executions, strict=True)}
    assert [runs[number].item["status"] for number in range(3)] == ["superseded", "superseded", "live"]
    assert versioned.live()["run_id"] == runs[2].run_id


@pytest.mark.parametrize(
    ("mine", "key", "status"),
    [
        ("0A", KEY, "superseded"),
        ("9", KEY, "superseded"),
        ("0B", KEY, "live"),
        ("0C", KEY, "live"),
        ("100", KEY, "live"),
        ("0A", "drops/cats.zip", "live"),
    ],
)
def test_drops_of_one_key_are_ordered_by_sequencer_where_the_bucket_cannot_tell(
    stage: Any, mine: str, key: str, status: str
) -> None:
    stage.put_lock("nobody", 1000, newest_drop_key=KEY, newest_drop_sequencer="0B".zfill(32))
    run = stage.run(event(mine, key))
    assert run.item["status"] == status


def test_a_later_sequencer_counts_more_than_an_earlier_time(stage: Any) -> None:
    stage.put_lock("nobody", 2000, newest_drop_key=KEY, newest_drop_sequencer="0B".zfill(32))
    assert stage.run(event("0C")).item["status"] == "live"
    assert stage.item("deploy-lock")["newest_drop_sequencer"] == "0C".zfill(32)


def test_another_key_with_an_earlier_time_gives_way_whatever_its_sequencer(stage: Any) -> None:
    stage.put_lock("nobody", 2000, newest_drop_key=KEY, newest_drop_sequencer="0B".zfill(32))
    assert stage.run(event("FF", "drops/cats.zip")).item["status"] == "superseded"


def test_a_version_named_by_hand_is_trained_on_all_the_same(versioned: Any) -> None:
    old = dropped(versioned)
    dropped(versioned, "0B")
    run = versioned.run({"key": KEY, "version_id": old["version_id"]})
    assert run.item["status"] == "live"
    assert versioned.item("deploy-lock")["newest_drop_sequencer"] == ""


def test_a_drop_whose_key_was_deleted_since_has_no_newer_version(versioned: Any) -> None:
    given = dropped(versioned)
    versioned.client("s3").delete_object(Bucket=versioned.name, Key=KEY)
    # Training reads the snapshot that the inspection made.
    versioned.client("s3").put_object(Bucket=versioned.name, Key="snapshots/dogs.zip", Body=b"photos")
    versioned.let_training_read("snapshots/dogs.zip")
    assert versioned.run(given).item["status"] == "live"
