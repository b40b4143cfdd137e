"""A read of one version of an object honours Range, as S3's GetObject does.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from typing import Any

from ministack.services import s3

from local_cloud.ministack_adapter import patch_points

Reply = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Cuts the asked range out of a version's whole content."""
    parse_range = patch_points.take(s3, "_parse_range", "range_header", "total")
    error = patch_points.take(s3, "_error")

    def get(
        bucket_name: str, key: str, headers: dict[str, str], query_params: dict[str, Any] | None = None
    ) -> Reply:
        status, reply_headers, body = original(bucket_name, key, headers, query_params)
        asked = headers.get("range", "")
        if status != 200 or not asked or not (query_params or {}).get("versionId"):
            return status, reply_headers, body
        found = parse_range(asked, len(body))
        if found is None:
            refusal: Reply = error(
                "InvalidRange", "The requested range is not satisfiable", 416, f"/{bucket_name}/{key}"
            )
            return refusal
        first, last = found
        # A checksum of the whole object cannot be checked on a part of it.
        part_headers = {
            name: value
            for name, value in reply_headers.items()
            if not name.lower().startswith("x-amz-checksum")
        }
        part_headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
        part_headers["Content-Length"] = str(last + 1 - first)
        return 206, part_headers, body[first : last + 1]

    original = patch_points.replace(s3, "_get_object", get, "bucket_name", "key", "headers", "query_params")
