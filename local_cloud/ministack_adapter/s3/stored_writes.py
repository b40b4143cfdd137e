"""S3 answers a write when it is on disk; what cannot be stored fails, and what was there before stays whole.

The emulator logs a failed write and answers 200. Here the client gets InternalError with status 500, which
every retry mode of the SDKs tries again, as S3 tells its clients to; SlowDown would make them send less,
which does not help. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
"""

import contextlib
import html
import os
import re
from collections.abc import Callable
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

from ministack.services import s3

from local_cloud.ministack_adapter import patch_points
from local_cloud.ministack_adapter.s3 import uploads
from local_cloud.ministack_adapter.s3.earlier_state import EarlierState
from local_cloud.ministack_adapter.s3.unfinished_writes import SIDECAR, UNFINISHED, WAITING_SIDECAR

Reply = tuple[int, dict[str, str], bytes]

WRITING_METHODS = {"PUT", "POST", "DELETE"}
KEY_OF_BATCH = re.compile(r"<Key>(.*?)</Key>", re.DOTALL)


class _Write:
    """One request that changes something, until it is answered."""

    def __init__(self, bucket: str, upload_id: str) -> None:
        self.earlier = EarlierState(bucket, upload_id)
        self.error: OSError | None = None
        self.events: list[Callable[[], None]] = []


_current: ContextVar[_Write | None] = ContextVar("write", default=None)


def install() -> None:
    """Replaces how requests are dispatched, and the emulator's ways to the disk."""
    _Files().install()
    _defer_events()
    _remember_what_was_there()
    uploads.install()
    error = patch_points.take(s3, "_error")

    def dispatch(*request: Any) -> Reply:
        method, bucket, key, _, body, query_params = request
        if method not in WRITING_METHODS:
            return original(*request)  # type: ignore[no-any-return]  # the emulator's
        write = _Write(bucket, uploads.id_of(query_params))
        write.earlier.remember(*_keys(key, body, query_params))
        token = _current.set(write)
        try:
            reply: Reply = original(*request)
            if write.error is None and reply[0] < 300:
                uploads.store(method, key, query_params, reply)
        except OSError as refused:
            write.error = write.error or refused
        finally:
            _current.reset(token)
        if write.error is not None:
            write.earlier.put_back()
            return error("InternalError", _message(write.error), 500, f"/{bucket}/{key}")  # type: ignore[no-any-return]
        for fire in write.events:
            fire()
        return reply

    original = patch_points.replace(
        s3, "_dispatch", dispatch, "method", "bucket", "key", "headers", "body", "query_params"
    )


def _message(error: OSError) -> str:
    return (
        "We encountered an internal error. Please try again. "
        f"(The local cloud could not store this: {error.strerror or error}.)"
    )


def _keys(key: str, body: bytes, query_params: dict[str, Any]) -> list[str]:
    if key or "delete" not in query_params:
        return [key] if key else []
    return [html.unescape(found) for found in KEY_OF_BATCH.findall(body.decode("utf-8", "replace"))]


def _defer_events() -> None:
    """Nobody hears of an object that is not on disk."""

    def fire(*arguments: Any, **options: Any) -> None:
        write = _current.get()
        if write is None:
            original(*arguments, **options)
        else:
            write.events.append(lambda: original(*arguments, **options))

    original = patch_points.replace(s3, "_fire_s3_event_async", fire)


def _remember_what_was_there() -> None:
    """A form's key stands in its body: its object is seen as its version is recorded."""

    def record(
        bucket_name: str, key: str, prior_obj: dict[str, Any] | None, obj: dict[str, Any], data: Any
    ) -> Any:
        write = _current.get()
        if write is not None and write.earlier.bucket_name == bucket_name:
            write.earlier.remember(key, current=prior_obj)
        return original(bucket_name, key, prior_obj, obj, data)

    original = patch_points.replace(
        s3, "_record_object_version", record, "bucket_name", "key", "prior_obj", "obj", "data"
    )


class _Files:
    """The emulator's writes: an object's bytes and its sidecar take their places together."""

    def __init__(self) -> None:
        self._waiting: set[str] = set()
        """Files whose bytes are written and wait for their sidecar."""

    def install(self) -> None:
        files = patch_points.take(s3, "os")
        noted = SimpleNamespace(**vars(files))
        for name in ("makedirs", "remove"):
            setattr(noted, name, _noting(getattr(files, name)))
        patch_points.replace(s3, "os", noted)
        patch_points.replace(s3, "_atomic_write", _noting(self._write), "fpath", "data", "text")
        self._versions = os.path.join(  # noqa: PTH118 - compared as the emulator writes it
            os.path.realpath(patch_points.take(s3, "DATA_DIR")), patch_points.take(s3, "_VERSIONS_DIR"), ""
        )

    def _write(self, fpath: str, data: Any, *, text: bool = False) -> None:
        content: bytes = data.encode() if text else data
        file = fpath.removesuffix(SIDECAR)
        if not text:
            _create(f"{file}{UNFINISHED}", content)
            if fpath.startswith(self._versions):
                os.replace(f"{file}{UNFINISHED}", file)  # noqa: PTH105
            else:
                self._waiting.add(file)
        elif file in self._waiting:
            self._waiting.discard(file)
            self._write_sidecar(file, content, with_bytes=True)
        else:
            self._write_sidecar(file, content, with_bytes=False)

    def _write_sidecar(self, file: str, content: bytes, *, with_bytes: bool) -> None:
        unfinished = f"{file}{WAITING_SIDECAR}" if with_bytes else f"{file}{SIDECAR}{UNFINISHED}"
        try:
            _create(unfinished, content)
        except OSError:
            if with_bytes:
                _remove(f"{file}{UNFINISHED}")
            raise
        if with_bytes:
            os.replace(f"{file}{UNFINISHED}", file)  # noqa: PTH105
        os.replace(unfinished, f"{file}{SIDECAR}")  # noqa: PTH105


def _create(path: str, content: bytes) -> None:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
            file.write(content)
    except OSError:
        _remove(path)
        raise


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108


def _noting(function: Callable[..., Any]) -> Callable[..., Any]:
    """The emulator only logs an OSError: the request that it spoils is to fail."""

    def call(*arguments: Any, **options: Any) -> Any:
        write = _current.get()
        if write is not None and write.error is not None:
            raise write.error  # half of a write is none
        try:
            return function(*arguments, **options)
        except OSError as error:
            if write is not None and write.error is None:
                write.error = error
            raise

    return call
