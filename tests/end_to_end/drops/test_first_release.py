"""A drop becomes a live, autoscaled, audited endpoint that answers for photos it never saw."""

import json
from typing import Any

from deploy_scripts.demo_data import DEMO_GROUPS, PhotoSet

LABELS = set(DEMO_GROUPS.values())


def test_the_run_is_live_and_its_accuracy_beats_chance(first_release: dict[str, Any]) -> None:
    assert first_release["status"] == "live"
    assert first_release["dataset"] == "small"
    assert first_release["source"] == "drop"
    assert first_release["backend"] == "sagemaker"
    assert first_release["release"] == f"dropserve-{first_release['run_id']}"
    assert first_release["accuracy"] > 2 / len(LABELS)


def test_held_out_photos_get_labels_of_the_drop(
    dropserve: Any, first_release: dict[str, Any], food_photos: PhotoSet
) -> None:
    of_the_right = 0.0
    for label, photo in food_photos.held_out:
        answer = dropserve.json("predict", photo)
        assert set(answer["classes"]) == LABELS
        assert {each["label"] for each in answer["predictions"]} <= LABELS
        assert len(answer["scores"]) == len(answer["classes"])
        assert 0 < answer["predictions"][0]["probability"] <= 1
        of_the_right += {each["label"]: each["probability"] for each in answer["predictions"]}[label]
    # Of so few photos a processor's rounding decides which label comes first; a model that has learnt nothing
    # gives each the same.
    assert of_the_right / len(food_photos.held_out) > 1.5 / len(LABELS)


def test_the_live_endpoint_scales_from_one_to_six(dropserve: Any, first_release: dict[str, Any]) -> None:
    endpoint = dropserve.json("status")["endpoint"]

    (target,) = dropserve.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[f"endpoint/{endpoint}/variant/AllTraffic"]
    )["ScalableTargets"]

    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 6)


def test_status_tells_what_stands(dropserve: Any, first_release: dict[str, Any]) -> None:
    status = dropserve.json("status")

    assert status["release"] == status["endpoint"]
    assert status["instance_count"] == 1
    assert status["concurrency"] == {"reserved": 6, "provisioned": 3, "provisioned_status": "READY"}
    assert not any(status["besides"].values())
    assert status["endpoint_url"] == dropserve.json("env")["AWS_ENDPOINT_URL"]


def test_the_runs_reports_are_in_the_bucket(dropserve: Any, first_release: dict[str, Any]) -> None:
    bucket = dropserve.outputs["BucketName"]
    s3 = dropserve.client("s3")

    def read(name: str) -> bytes:
        body: bytes = s3.get_object(Bucket=bucket, Key=f"runs/{first_release['run_id']}/{name}")[
            "Body"
        ].read()
        return body

    assert set(json.loads(read("metrics.json"))["classes"]) == LABELS
    assert json.loads(read("audit.json"))["counts"]["critical"] == 0
    assert b"<html" in read("report.html").lower()
    # The very document, by the command line.
    assert dropserve.json("doctor", first_release["run_id"]) == json.loads(read("doctor.json"))
    assert read("review.csv").startswith(b"action,file,label,")
    assert b"Model card" in read("model_card.html")
    assert b"<html" in read("audit.html").lower()


def test_an_audit_by_hand_finds_nothing_critical(dropserve: Any, first_release: dict[str, Any]) -> None:
    assert dropserve.json("audit")["counts"]["critical"] == 0
