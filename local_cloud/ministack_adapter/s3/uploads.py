"""Multipart uploads on disk, part by part: one that is not complete survives the server, as it does on S3."""

import json
import shutil
from pathlib import Path
from typing import Any

from ministack.services import s3

from local_cloud.ministack_adapter import patch_points

ABOUT_UPLOAD = "upload.json"
# The number of a part; beside it, the same with this.
ABOUT_PART = ".json"


def install() -> None:
    """Takes up the uploads that were not complete when the server ended."""
    table = patch_points.take(s3, "_multipart_uploads")
    for folder in sorted(_folder().glob("*/")):
        try:
            upload = json.loads((folder / ABOUT_UPLOAD).read_text())
            upload["parts"] = dict(sorted(_read_parts(folder)))
        except (OSError, ValueError):
            # Its client was never told of it.
            shutil.rmtree(folder, ignore_errors=True)
            continue
        table._data[(upload.pop("account_id"), folder.name)] = upload


def store(
    method: str, key: str, query_params: dict[str, Any], reply: tuple[int, dict[str, str], bytes]
) -> None:
    """Writes down what a successful request changed about uploads. Raises OSError when it cannot."""
    upload_id = id_of(query_params)
    if method == "POST" and "uploads" in query_params and key:
        begun = s3.fromstring(reply[2]).findtext(f"{{{s3.S3_NS}}}UploadId") or ""
        _begin(begun)
    elif method == "PUT" and upload_id:
        _add_part(upload_id, int("".join(query_params["partNumber"])))
    elif upload_id:
        shutil.rmtree(_folder() / upload_id, ignore_errors=True)


def id_of(query_params: dict[str, Any]) -> str:
    """The upload that a request belongs to, or an empty text."""
    return "".join(query_params.get("uploadId", []))


def _begin(upload_id: str) -> None:
    upload = patch_points.take(s3, "_multipart_uploads")[upload_id]
    folder = _folder() / upload_id
    folder.mkdir(mode=0o700, parents=True)
    facts = {name: value for name, value in upload.items() if name != "parts"}
    try:
        _write(folder / ABOUT_UPLOAD, json.dumps({**facts, "account_id": s3.get_account_id()}).encode())
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        del s3._multipart_uploads[upload_id]
        raise


def _add_part(upload_id: str, number: int) -> None:
    part = s3._multipart_uploads[upload_id]["parts"][number]
    facts = {name: value for name, value in part.items() if name != "body"}
    folder = _folder() / upload_id
    # The facts last: a part without them was never answered.
    (folder / f"{number}{ABOUT_PART}").unlink(missing_ok=True)
    _write(folder / str(number), part["body"])
    _write(folder / f"{number}{ABOUT_PART}", json.dumps(facts).encode())


def _read_parts(folder: Path) -> list[tuple[int, dict[str, Any]]]:
    return [
        (int(file.stem), {**json.loads(file.read_text()), "body": file.with_suffix("").read_bytes()})
        for file in folder.glob(f"[0-9]*{ABOUT_PART}")
    ]


def _write(file: Path, content: bytes) -> None:
    unfinished = file.with_name(f"{file.name}.tmp")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(file)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def _folder() -> Path:
    return Path(patch_points.take(s3, "DATA_DIR")).with_name("s3-uploads")
