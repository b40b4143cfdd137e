"""Batch scoring against its endpoint asked directly; results in benchmarks/results/scoring.json.

The demo's release on a local cloud of the benchmark's own, with one instance. Photos lie under a prefix:
the demo's, each under many keys and with other bytes at its end. The state machine of `dropserve score`
scores them; half way the cloud is killed (SIGKILL), started again, and the job taken up. The peer is the same
endpoint, asked by four clients at once, and by eight, whichever gives more; they have the photos in memory
and throw the answers away. Peer and scoring take turns, before the kill and after it. Each photo must be once
in the result, and scoring must reach 0.8 of the peer's throughput; else it ends with status 1.
`--quick` scores few photos, of which a start takes the most time: it writes no results and asks for no ratio.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.support.demo_model import demo_photos
from benchmarks.support.machine import describe_machine
from benchmarks.support.results import RESULTS, write_results
from benchmarks.support.scoring.deployment import ScoringDeployment, running_deployment
from benchmarks.support.spread import spread
from contracts.bucket import PHOTOS, scores_key
from contracts.scoring import BATCH_PHOTOS, PARTS
from contracts.scoring import RESULTS as LINES
from deploy_scripts.operations.scoring.jobs import (
    Job,
    download,
    follow,
    new_job_id,
    save_job,
    start_execution,
)

PREFIX = f"{PHOTOS}benchmark/"
LEAST = 0.8
PEER_AT_ONCE = (4, 8)


def main() -> int:
    """Prepare, score, kill, take up, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="600 photos, no results written")
    parser.add_argument("--home", type=Path, help="a folder that keeps the deployment for another run")
    options = parser.parse_args()
    count = 600 if options.quick else options.photos
    with tempfile.TemporaryDirectory() as folder:
        home = (options.home or Path(folder)).resolve()
        with running_deployment(home) as deployment:
            results = measure(deployment, count, Path(folder))
    print(json.dumps(results, indent=1))
    if not options.quick:
        write_results(RESULTS / "scoring.json", results)
    return 0 if results["each_photo_once" if options.quick else "held"] else 1


def measure(deployment: ScoringDeployment, count: int, folder: Path) -> dict[str, Any]:
    """The figures, and whether they hold what is claimed."""
    known = demo_photos()
    photos = [known[number % len(known)] + f" {number}".encode() for number in range(count)]
    deployment.upload(photos, PREFIX)
    asked = photos[: max(200, count // 20)]
    # What is loaded first is slow.
    deployment.ask_endpoint(photos[:100], at_once=max(PEER_AT_ONCE))
    job = Job(new_job_id(), deployment.opened.bucket, PREFIX, count, max_photos=count)
    peers = [_peer(deployment, asked)]
    first = _score_half(deployment, job, count)
    deployment.start()
    peers.append(_peer(deployment, asked))
    second = _score_rest(deployment, job, count, first["photos"])
    peers.append(_peer(deployment, asked))
    keys = _keys_of_result(deployment, job, folder / "result")
    ours = [first["photos_a_second"], second["photos_a_second"]]
    # Each half between the two measurements around it.
    ratios = [own / ((peers[number] + peers[number + 1]) / 2) for number, own in enumerate(ours)]
    expected = [f"s3://{job.bucket}/{PREFIX}{number:06d}.jpg" for number in range(count)]
    once = keys == expected
    ratio = spread(ratios)
    return {
        "machine": describe_machine("openvino", "pillow"),
        "held": once and ratio["median"] >= LEAST,
        "over_endpoint": ratio,
        "each_photo_once": once,
        "photos": count,
        "killed_after_photos": first["photos"],
        "photos_a_second": {"scoring": ours, "endpoint": peers},
        "method": " ".join((__doc__ or "").split()),
    }


def _peer(deployment: ScoringDeployment, photos: list[bytes]) -> float:
    """The most that the endpoint gives."""
    return max(deployment.ask_endpoint(photos, at_once=at_once) for at_once in PEER_AT_ONCE)


def _score_half(deployment: ScoringDeployment, job: Job, count: int) -> dict[str, float]:
    opened = deployment.opened
    save_job(opened, job)
    started = time.perf_counter()
    start_execution(opened, job)
    while (parts := _parts(deployment, job)) * BATCH_PHOTOS < count // 2:
        time.sleep(1)
    deployment.kill()
    photos = parts * BATCH_PHOTOS
    return {"photos": photos, "photos_a_second": photos / (time.perf_counter() - started)}


def _score_rest(deployment: ScoringDeployment, job: Job, count: int, done: float) -> dict[str, float]:
    opened = deployment.opened
    started = time.perf_counter()
    follow(opened, start_execution(opened, job), lambda _: None)
    return {"photos_a_second": (count - done) / (time.perf_counter() - started)}


def _parts(deployment: ScoringDeployment, job: Job) -> int:
    opened = deployment.opened
    pages = opened.aws.s3.get_paginator("list_objects_v2").paginate(
        Bucket=opened.bucket, Prefix=scores_key(job.id, PARTS)
    )
    return sum(len(page.get("Contents", [])) for page in pages)


def _keys_of_result(deployment: ScoringDeployment, job: Job, folder: Path) -> list[str]:
    download(deployment.opened, job, folder)
    return [json.loads(line)["s3_uri"] for line in (folder / LINES).read_text("utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main())
