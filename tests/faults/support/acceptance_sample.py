"""The sample of the acceptance test: photos of a run that training says `poodle` of."""

import io
import json
from typing import Any

from PIL import Image

RUN_ID = "0" * 32
PHOTO = "uploads/photo.jpg"


def put_sample(stage: Any, photos: int, run_id: str = RUN_ID) -> str:
    """Put it in the stage's bucket, and one more photo, to ask about; gives the sample's address."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 120, 40)).save(buffer, "JPEG")
    expected = [{"label": "poodle", "probability": 1}, {"label": "beagle", "probability": 0}]
    files = [f"acceptance/{number:02d}.jpg" for number in range(photos)]
    sample = {
        "schema_version": 1,
        "run_id": run_id,
        "precision": "float32",
        "architecture": "x86_64",
        "photos": [
            {"file": file, "photo": f"poodle/{file[-6:]}", "label": "poodle", "predictions": expected}
            for file in files
        ],
    }
    s3, folder = stage.client("s3"), f"runs/{run_id}"
    for file in files:
        s3.put_object(Bucket=stage.name, Key=f"{folder}/{file}", Body=buffer.getvalue())
    s3.put_object(Bucket=stage.name, Key=f"{folder}/acceptance.json", Body=json.dumps(sample).encode())
    s3.put_object(Bucket=stage.name, Key=PHOTO, Body=buffer.getvalue())
    return f"s3://{stage.name}/{folder}/acceptance.json"
