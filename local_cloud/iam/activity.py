"""The activity log: which role called what, and whether its policies allow it.

One JSON object a line: `time` (ISO 8601), `principal` (the role's ARN), `session`, `action`
(`s3:GetObject`), `resource` (an ARN, or `*` when it cannot be told), `context` (condition keys that
policies may ask about, in lower case), `allowed`, `status` (HTTP).
A call that is not allowed is served all the same: the log is read afterwards.
"""

import contextlib
import json
import logging
import queue
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs

from local_cloud.iam import pass_role
from local_cloud.iam.identity import RoleSession, session_for
from local_cloud.iam.permission import Permission

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SeenRequest:
    """A request as the log needs it; the body is cut off when it is long. Header names are in lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    account_id: str
    region: str
    session: RoleSession
    status: int = 200
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    permissions: tuple[Permission, ...] = ()
    """Known already, for an added service; otherwise IAM is asked."""

    @cached_property
    def parameters(self) -> dict[str, list[str]]:
        """The query, with the fields of a form that was posted."""
        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return self.query
        return {**parse_qs(self.body.decode(errors="replace"), keep_blank_values=True), **self.query}


class IamRecords(Protocol):
    """What the log asks of IAM."""

    def note_use(self, session: RoleSession, moment: datetime, region: str) -> None: ...
    def permissions(self, request: SeenRequest) -> list[Permission]: ...
    def with_context(self, permission: Permission) -> Permission: ...
    def allows(self, session: RoleSession, permission: Permission, region: str) -> bool: ...
    def role_of_instance_profile(self, name_or_arn: str) -> str | None: ...


class Activity:
    """Writes the log in a thread of its own, so that no call waits for it."""

    def __init__(self, log_file: Path, iam: IamRecords) -> None:
        self._log_file = log_file
        self._iam = iam
        self._queue: queue.Queue[SeenRequest | None] = queue.Queue()
        self._thread = threading.Thread(target=self._write_all, name="activity", daemon=True)
        self._thread.start()

    def record(self, request: SeenRequest) -> None:
        """Notes the use of the role at once, and the rest soon."""
        self._iam.note_use(request.session, request.time, request.region)
        self._queue.put(request)

    def record_call(self, role_arn: str, session_name: str, permission: Permission) -> None:
        """Notes what a service does in the name of a role without a request of its own."""
        session = session_for(role_arn, session_name)
        region = permission.resource.split(":")[3]
        seen = SeenRequest("POST", "/", {}, {}, b"", session.account_id, region, session)
        self.record(replace(seen, permissions=(permission,)))

    def close(self) -> None:
        """Writes what is left."""
        self._queue.put(None)
        self._thread.join()

    def _write_all(self) -> None:
        # On a full disk the last lines may never be written; no call waits or fails for them.
        with contextlib.suppress(OSError), self._log_file.open("a", encoding="utf-8") as log:
            while (request := self._queue.get()) is not None:
                try:
                    lines = [json.dumps(entry) for entry in self._entries(request)]
                except Exception:
                    logger.exception("cannot tell what %s %s stands for", request.method, request.path)
                    continue
                # What could not be written stays in the buffer for the next time.
                with contextlib.suppress(OSError):
                    log.write("".join(line + "\n" for line in lines))
                    log.flush()

    def _entries(self, request: SeenRequest) -> list[dict[str, Any]]:
        permissions = list(request.permissions) or self._iam.permissions(request)
        permissions += pass_role.permissions(
            permissions, request.body, request.parameters, self._iam.role_of_instance_profile
        )
        permissions = [self._iam.with_context(permission) for permission in permissions]
        return [
            {
                "time": request.time.isoformat(),
                "principal": request.session.role_arn,
                "session": request.session.session_name,
                "action": permission.action,
                "resource": permission.resource,
                "context": dict(permission.context),
                "allowed": self._iam.allows(request.session, permission, request.region),
                "status": request.status,
            }
            for permission in permissions
        ]
