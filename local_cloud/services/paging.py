"""Lists that are handed out page by page."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from local_cloud.service import AwsError


def page(
    items: Sequence[Any], token: str | None, size: int, bad_token: AwsError
) -> tuple[list[Any], str | None]:
    """One page of `items` and the token of the next one, None after the last.

    Raises `bad_token` when the token is not one that was given out.
    """
    start = _position(token, len(items), bad_token)
    end = start + size
    return list(items[start:end]), _token(end) if end < len(items) else None


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode()


def _position(token: str | None, item_count: int, bad_token: AwsError) -> int:
    if token is None:
        return 0
    try:
        position = int(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error):
        position = -1
    if not 0 <= position <= item_count:
        raise bad_token
    return position
