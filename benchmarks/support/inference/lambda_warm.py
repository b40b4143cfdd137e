"""What a warm request costs, and how much of it is our own code."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.support.inference.demo_endpoint import Demo
from benchmarks.support.inference.lambda_competitors import Competitor
from benchmarks.support.processes import ProgramError


def warm_figures(ours: Competitor, demo: Demo) -> dict[str, Any]:
    """Milliseconds of a whole request to the demo's endpoint, and what our own code takes of it.

    `own_ms`: the same with a fetch and an endpoint that cost nothing; `own_image_ms` of it is for checking
    and preparing the image. Raises ProgramError.
    """
    program = Path(__file__).with_name("lambda_warm_process.py")
    run = subprocess.run(
        [Path(sys.executable).resolve(), "-I", "-S", program, demo.photo_url(0), *ours.folders],
        env=demo.stubs.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise ProgramError(f"the warm requests failed: {run.stderr[-2000:]}")
    figures: dict[str, Any] = json.loads(run.stderr.splitlines()[-1])
    share = figures["own_ms"] / figures["whole_ms"]
    share_of_image = figures["own_image_ms"] / figures["whole_ms"]
    return {**figures, "own_share": round(share, 4), "own_image_share": round(share_of_image, 4)}
