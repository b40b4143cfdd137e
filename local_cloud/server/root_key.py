"""The account's root access key: made at random once a state folder, readable by its owner alone."""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

# An access key id is AKIA and letters of base32:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
KEY_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class RootKeyError(Exception):
    """The file holds no key: the message says which file, and what to do."""


@dataclass(frozen=True)
class RootKey:
    """What signs as the account's root; role sessions and the server's proof are derived from it."""

    access_key_id: str
    secret_access_key: str = field(repr=False)

    def derive(self, purpose: str, *parts: str) -> bytes:
        """32 bytes that nobody knows without the secret; the same arguments give the same bytes."""
        message = json.dumps([purpose, *parts]).encode()
        return hmac.digest(self.secret_access_key.encode(), message, hashlib.sha256)


def new_root_key() -> RootKey:
    """A key that was never there before."""
    letters = "".join(secrets.choice(KEY_LETTERS) for _ in range(16))
    return RootKey(f"AKIA{letters}", secrets.token_urlsafe(30))


def key_path(state_dir: Path) -> Path:
    return state_dir / "root_key.json"


def ensure_root_key(state_dir: Path) -> RootKey:
    """The key of a state folder, made when it has none. Raises RootKeyError."""
    existing = read_root_key(state_dir)
    if existing:
        return existing
    key = new_root_key()
    unfinished = key_path(state_dir).with_suffix(".tmp")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(key), file)
    unfinished.replace(key_path(state_dir))
    return key


def find_root_key(state_dir: Path) -> RootKey | None:
    """The key of a state folder; None when it has none that can be read."""
    try:
        return read_root_key(state_dir)
    except RootKeyError:
        return None


def read_root_key(state_dir: Path) -> RootKey | None:
    """The key of a state folder, None when it has none yet. Raises RootKeyError for a damaged file."""
    path = key_path(state_dir)
    try:
        key = RootKey(**json.loads(path.read_text(encoding="utf-8")))
        if not all(isinstance(value, str) and value for value in asdict(key).values()):
            raise TypeError("an empty key")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise RootKeyError(
            f"{path} holds no access key ({type(error).__name__}): "
            "remove it, and the next start makes a new one"
        ) from error
    return key
