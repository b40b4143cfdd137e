"""The pretrained weights that a deployment holds: `weights/<backbone>.pth` in its artifacts bucket."""

from typing import Any

PREFIX = "weights/"
SUFFIX = ".pth"


def weights_key(backbone: str) -> str:
    return f"{PREFIX}{backbone}{SUFFIX}"


def missing_weights(backbone: str, *, bucket: str, s3: Any) -> str | None:
    """Why the backbone cannot be trained here; None when its weights are there."""
    listing = s3.list_objects_v2(Bucket=bucket, Prefix=PREFIX)
    keys = [each["Key"] for each in listing.get("Contents", [])]
    if weights_key(backbone) in keys:
        return None
    there = ", ".join(key.removeprefix(PREFIX).removesuffix(SUFFIX) for key in keys) or "none"
    return (
        f"this deployment has no pretrained weights of {backbone!r}; it has {there}; "
        f"add them with: dropserve deploy --weights {backbone}=FILE"
    )
