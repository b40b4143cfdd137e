"""Who calls: credentials that are made for a role and can be mapped back to it.

The server runs as one process, so the table of issued keys is this module's own.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from local_cloud.defaults import REGION
from local_cloud.server.root_key import RootKey, new_root_key

ROLE_ARN = re.compile(r"arn:(?P<partition>aws[\w-]*):iam::(?P<account>\d{12}):role/(?P<path_and_name>.+)")


@dataclass(frozen=True)
class RoleSession:
    """A role as assumed by one process: a function, a training job, an instance, a state machine."""

    role_arn: str
    session_name: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)

    @property
    def role_name(self) -> str:
        return self.role_arn.rsplit("/", 1)[-1]

    @property
    def account_id(self) -> str:
        return self.role_arn.split(":")[4]

    @property
    def arn(self) -> str:
        """`arn:aws:sts::<account>:assumed-role/<role name>/<session>`."""
        partition = self.role_arn.split(":")[1]
        return f"arn:{partition}:sts::{self.account_id}:assumed-role/{self.role_name}/{self.session_name}"


SessionListener = Callable[[RoleSession], None]


class _Issued:
    """What has been issued, and the address that the credentials are good for."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sessions: dict[str, RoleSession] = {}
        self.endpoint_url = ""
        self.region = REGION
        self.root_key: RootKey = new_root_key()
        self.listener: SessionListener | None = None


_issued = _Issued()


def configure(
    *, endpoint_url: str, region: str, root_key: RootKey, listener: SessionListener | None = None
) -> None:
    """Set once by the server. `listener` hears of every new session before its key is handed out.

    The keys of sessions are derived from `root_key`, so that they outlive a restart of the server.
    """
    _issued.endpoint_url = endpoint_url
    _issued.region = region
    _issued.root_key = root_key
    _issued.listener = listener


def session_for(role_arn: str, session_name: str = "session") -> RoleSession:
    """The session of a role; the same arguments give the same keys. Raises ValueError for no role ARN."""
    if not ROLE_ARN.fullmatch(role_arn):
        raise ValueError(f"{role_arn!r} is not the ARN of an IAM role")
    session_name = re.sub(r"[^\w+=,.@-]", "-", session_name)[:64]
    key, secret, token = (
        _issued.root_key.derive(f"role session {part}", role_arn, session_name).hex()
        for part in ("key", "secret", "token")
    )
    key = f"ASIA{key[:16].upper()}"
    with _issued.lock:
        session = _issued.sessions.get(key)
        if session is None:
            session = RoleSession(role_arn, session_name, key, secret[:40], token)
            if _issued.listener:
                _issued.listener(session)
            _issued.sessions[key] = session
    return session


def session_of_key(access_key_id: str) -> RoleSession | None:
    """The role session that an access key was issued to, or None for any other key."""
    return _issued.sessions.get(access_key_id)


def credentials_for(role_arn: str, session_name: str = "session") -> dict[str, str]:
    """AWS_* environment variables for a process that acts as `role_arn`.

    `session_name` is the last part of the caller's ARN, as in
    `assumed-role/<role>/<session name>`. Raises ValueError when `role_arn` is not a role's ARN.
    """
    session = session_for(role_arn, session_name)
    return {
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
        "AWS_DEFAULT_REGION": _issued.region,
        "AWS_REGION": _issued.region,
        "AWS_ENDPOINT_URL": _issued.endpoint_url,
    }
