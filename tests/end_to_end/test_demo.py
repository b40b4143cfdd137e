"""The demo: one command from nothing to answers, and again without training anew."""

from typing import Any

from deploy_scripts.demo_data import DEMO_GROUPS

LABELS = set(DEMO_GROUPS.values())


def test_the_demo_prints_one_document(dropserve: Any) -> None:
    document = dropserve.json("demo")

    assert set(document) == {"run_id", "status", "accuracy", "endpoint", "predictions", "audit", "seconds"}
    assert document["status"] == "live"
    assert document["accuracy"] > 2 / len(LABELS)
    assert document["endpoint"] == f"dropserve-{document['run_id']}" == dropserve.live_release()
    assert len(document["predictions"]) >= 3
    for prediction in document["predictions"]:
        assert prediction["url"].startswith("http") and "?" not in prediction["url"]
        assert prediction["label"] in LABELS
        assert 0 < prediction["probability"] <= 1
    assert document["audit"]["critical"] == 0
    assert all(seconds >= 0 for seconds in document["seconds"].values())

    again = dropserve.json("demo")

    assert again["run_id"] == document["run_id"]
