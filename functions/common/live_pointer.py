"""The release that serves now, as its SSM parameter has it."""

from typing import Any

from contracts.workflow import LIVE_POINTER_FIELDS
from functions.common.errors import DropserveError
from functions.common.json_text import parse_json
from functions.common.s3_uris import parse_s3_uri

# Their objects are listed, and must be restored before they can be read:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
ARCHIVED = {"GLACIER", "DEEP_ARCHIVE"}


class PointerError(DropserveError):
    """The live pointer is malformed."""


def read_live_pointer(parameter: str, *, ssm: Any) -> dict[str, Any] | None:
    """The live pointer; None before the first release. Raises PointerError when it cannot be understood."""
    try:
        text = ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        return None
    try:
        pointer = parse_json(text)
    except ValueError as error:
        raise PointerError(
            f"the SSM parameter {parameter!r} is not JSON; set it to {{}} or a release"
        ) from error
    if not isinstance(pointer, dict):
        raise PointerError(f"the SSM parameter {parameter!r} names no release; set it to {{}} or a release")
    wrong = [name for name, kind in LIVE_POINTER_FIELDS.items() if not isinstance(pointer.get(name), kind)]
    if pointer and wrong:
        raise PointerError(
            f"the SSM parameter {parameter!r} names no release: it lacks a sound {', '.join(wrong)}; "
            "set it to {} or a release"
        )
    return pointer or None


def why_live_model_is_lost(pointer: dict[str, Any] | None, *, data_bucket: str, s3: Any) -> str | None:
    """Why the model.tar.gz of the live release cannot be read any more; None while it can, or without one.

    Its endpoint may serve on, but can neither grow nor start anew. A listing tells, by `s3:ListBucket` alone;
    of any bucket but the deployment's own nothing is known, and None is the answer.
    """
    if not pointer:
        return None
    uri = parse_s3_uri(pointer["model_data_uri"])
    if uri.bucket != data_bucket:
        return None
    # In the order of keys: the key itself comes before all that begin with it.
    listing = s3.list_objects_v2(Bucket=uri.bucket, Prefix=uri.key, MaxKeys=1)
    found = next((each for each in listing.get("Contents", []) if each["Key"] == uri.key), None)
    model = f"the model of the live release {pointer['release']}"
    if found is None:
        return f"{model} is gone from {uri}"
    if found.get("StorageClass") in ARCHIVED:
        return f"{model} is archived ({found['StorageClass']}) at {uri}"
    return None
