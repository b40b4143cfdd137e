"""The pretrained weights that a deployment holds in its artifacts bucket."""

from typing import Any

from contracts.training_job import WEIGHTS_PREFIX, WEIGHTS_SUFFIX, weights_key


def missing_weights(backbone: str, *, bucket: str, s3: Any) -> str | None:
    """Why the backbone cannot be trained here; None when its weights are there."""
    listing = s3.list_objects_v2(Bucket=bucket, Prefix=WEIGHTS_PREFIX)
    keys = [each["Key"] for each in listing.get("Contents", [])]
    if weights_key(backbone) in keys:
        return None
    names = [key.removeprefix(WEIGHTS_PREFIX).removesuffix(WEIGHTS_SUFFIX) for key in keys]
    there = ", ".join(names) or "none"
    return (
        f"this deployment has no pretrained weights of {backbone!r}; it has {there}; "
        f"add them with: dropserve deploy --weights {backbone}=FILE"
    )
