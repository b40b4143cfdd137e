"""Zips that must be refused, each with one plain sentence."""

import io
import struct
import zipfile

import pytest

from tests.unit.inspect_dataset.drops_in_memory import JPEG, class_folders, make_zip
from tests.unit.inspect_dataset.inspecting import codes, inspect_bytes


def with_patched(body: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    """The zip with bytes written at an offset into its first record of that signature."""
    at = body.index(signature) + offset
    return body[:at] + value + body[at + len(value) :]


def make_claiming_zip(files: int, claimed_bytes: int) -> bytes:
    body = bytearray(make_zip(class_folders(images=files // 2)))
    at = -1
    while (at := body.find(b"PK\x01\x02", at + 1)) >= 0:
        struct.pack_into("<L", body, at + 24, claimed_bytes)
    return bytes(body)


GOOD = make_zip(class_folders())
BAD_ZIPS = {
    "text": (b"these are my photos, honest\n" * 50, "not_a_zip", "zip the class folders"),
    "nothing": (b"", "empty_file", "upload it again"),
    "truncated": (GOOD[: len(GOOD) // 2], "damaged_zip", "cut short or damaged"),
    "one byte short": (GOOD[:-1], "damaged_zip", "upload it again"),
    "directory overwritten": (
        with_patched(GOOD, b"PK\x01\x02", 0, b"oops"),
        "damaged_zip",
        "upload it again",
    ),
    "empty": (make_zip({}), "empty_zip", "folder of photos a class"),
    "no photos": (make_zip({"notes.txt": b"x"}), "no_images", "put the photos"),
    "one class": (make_zip(class_folders(labels=("cat",))), "one_class", "needs two"),
    "too few": (make_zip(class_folders(images=4)), "too_few_images", "needs 5 photos"),
    "encrypted": (with_patched(GOOD, b"PK\x01\x02", 8, b"\x01\x00"), "encrypted", "without a password"),
    "compressed with Deflate64": (
        with_patched(GOOD, b"PK\x01\x02", 10, b"\x09\x00"),
        "unreadable_compression",
        "zip with Deflate",
    ),
    "climbing out": (make_zip({**class_folders(), "cat/../../etc/x.jpg": JPEG}), "unsafe_path", "../.."),
    "absolute": (make_zip({**class_folders(), "/etc/x.jpg": JPEG}), "unsafe_path", "/etc/x.jpg"),
    "a drive": (make_zip({**class_folders(), "C:/x.jpg": JPEG}), "unsafe_path", "C:/x.jpg"),
    "climbing out by backslashes": (
        make_zip({**class_folders(), "a\\..\\x.jpg": JPEG}),
        "unsafe_path",
        "relative",
    ),
    "splits beside classes": (make_zip(class_folders(labels=("train", "bus"))), "mixed_layout", "'bus'"),
    "text in place of photos": (
        make_zip(dict.fromkeys(class_folders(), b"not a photo at all")),
        "not_images",
        "12 of 12 photos",
    ),
    "over 100 GiB by its own word": (
        make_claiming_zip(files=60, claimed_bytes=2 * 1024**3),
        "too_large",
        "120 GiB, over the limit of 100 GiB",
    ),
    "a huge directory by its own word": (
        with_patched(bytes(70 * 1024**2) + GOOD, b"PK\x05\x06", 12, struct.pack("<LL", 69 * 1024**2, 0)),
        "directory_too_large",
        "split the dataset",
    ),
}


@pytest.mark.parametrize("case", BAD_ZIPS)
def test_a_bad_zip_is_refused_with_one_sentence_and_no_copy(s3, make_run, case):
    body, code, words = BAD_ZIPS[case]
    result, report = inspect_bytes(s3, make_run, body)
    assert not result["accepted"]
    assert code in codes(report)
    assert words in result["reason"]
    assert "\n" not in result["reason"]
    assert result["dataset_uri"] is None
    assert not s3.copies


def test_entries_that_share_their_bytes_are_a_bomb(s3, make_run):
    body = bytearray(GOOD)
    at = -1
    while (at := body.find(b"PK\x01\x02", at + 1)) >= 0:
        struct.pack_into("<LL", body, at + 20, len(GOOD), len(GOOD))
    _, report = inspect_bytes(s3, make_run, bytes(body))
    assert "zip_bomb" in codes(report)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice(s3, make_run):
    buffer = io.BytesIO(GOOD)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("cat/0.jpg", JPEG)
    result, report = inspect_bytes(s3, make_run, buffer.getvalue())
    assert codes(report) == ["duplicate_name"]
    assert "cat/0.jpg" in result["reason"]


def test_a_link_in_the_zip(s3, make_run):
    buffer = io.BytesIO(GOOD)
    with zipfile.ZipFile(buffer, "a") as archive:
        link = zipfile.ZipInfo("cat/link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    _, report = inspect_bytes(s3, make_run, buffer.getvalue())
    assert codes(report) == ["unsafe_path"]


def test_two_errors_make_one_sentence_and_two_problems(s3, make_run):
    body = make_zip({**class_folders(), "/x.jpg": JPEG, "a": b"", "../b.jpg": JPEG})
    body = with_patched(body, b"PK\x01\x02", 8, b"\x01\x00")
    result, report = inspect_bytes(s3, make_run, body)
    assert codes(report) == ["unsafe_path", "encrypted"]
    assert result["reason"].endswith("(the report lists 2 problems)")


def test_damaged_photos_are_found(s3, make_run):
    files = {name: JPEG + bytes(range(256)) for name in class_folders()}
    body = bytearray(make_zip(files, zipfile.ZIP_DEFLATED))
    directory = body.index(b"PK\x01\x02")
    at = -1
    while 0 <= (at := body.find(b"PK\x03\x04", at + 1)) < directory:
        name_bytes = struct.unpack_from("<H", body, at + 26)[0]
        body[at + 30 + name_bytes : at + 60 + name_bytes] = b"\xff" * 30
    _, report = inspect_bytes(s3, make_run, bytes(body))
    assert codes(report) == ["not_images", "class_without_photos"]
