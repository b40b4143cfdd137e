"""An approval of a training: a text that only this function can have written, good for a week.

It names the execution that it starts, and a name is taken once: so it starts one, however often it is given.
HMAC is RFC 2104's. There is no task token to give away: nothing runs, and nothing waits, until it is given.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from typing import Any

from functions.common.errors import DropserveError

DAYS = 7
_KEY_BYTES = 32
# Of a name of a bucket, a key of S3 and the rest, in base64: what is longer is none.
_MAX_CHARACTERS = 4000


class ApprovalError(DropserveError):
    """The text is no approval of this deployment's, or no longer one."""


@dataclass(frozen=True)
class Start:
    """An execution to be started: its name, and the drop that it trains on."""

    name: str
    bucket: str
    key: str


def sign(start: Start, expires_at: int, secret: bytes) -> str:
    """The approval, good until the Unix time `expires_at`: letters, digits, `-`, `_` and one dot."""
    content = json.dumps({**asdict(start), "expires_at": expires_at}).encode()
    return f"{_encode(content)}.{_encode(_mac(content, secret))}"


def check(text: str, now: float, secret: bytes) -> Start:
    """What an approval allows at that Unix time. Raises ApprovalError, which repeats nothing of the text."""
    refused = ApprovalError("this is no approval of this deployment's: give the text of its message as it is")
    content_text, dot, mac_text = text.partition(".")
    if not dot or len(text) > _MAX_CHARACTERS:
        raise refused
    try:
        content, mac = _decode(content_text), _decode(mac_text)
    except (binascii.Error, ValueError) as error:
        raise refused from error
    if not hmac.compare_digest(mac, _mac(content, secret)):
        raise refused
    # Only what this function has written comes so far.
    fields = json.loads(content)
    if now >= fields.pop("expires_at"):
        raise ApprovalError(f"the approval is older than {DAYS} days: the next day with drift brings another")
    return Start(**fields)


def read_secret(parameter: str, *, ssm: Any) -> bytes | None:
    """The key that approvals are signed with; None before the first one. Raises ClientError."""
    try:
        value = ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        return None
    return bytes.fromhex(value)


def make_secret(parameter: str, kms_key: str, *, ssm: Any) -> bytes:
    """The key, which is made where there is none: an encrypted parameter. Raises ClientError."""
    secret = read_secret(parameter, ssm=ssm)
    if secret is not None:
        return secret
    made = secrets.token_bytes(_KEY_BYTES)
    try:
        ssm.put_parameter(Name=parameter, Value=made.hex(), Type="SecureString", KeyId=kms_key)
    except ssm.exceptions.ParameterAlreadyExists:
        # Another worker was quicker.
        return read_secret(parameter, ssm=ssm) or made
    return made


def _mac(content: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, content, hashlib.sha256).digest()


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
