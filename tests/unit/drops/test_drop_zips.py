"""Zips that are dangerous, damaged or in parts, and those that only look so."""

import io
import os
import struct
import subprocess
import tracemalloc
import zipfile
import zlib

import pytest

from drops.limits import MAX_IMAGE_BYTES
from drops.problems import BadDropError
from drops.zip_safety.members import Member, MemberError, ZipDrop
from drops.zip_safety.unsafe_zips import find_dangers
from tests.unit.drops.both_readers import read_both, refusal, train_on
from tests.unit.drops.made_zips import as_channel, class_photos, photo, text_zip
from tests.unit.inspect_dataset.inspecting import inspect_bytes
from training.failures import DatasetError

GOOD = class_photos("cat", "dog")
DIRECTORY = b"PK\x01\x02"


def open_zip(body: bytes) -> ZipDrop:
    return ZipDrop(io.BytesIO(body), len(body))


def dangers(body: bytes) -> list[str]:
    drop = open_zip(body)
    return [problem.code for problem in find_dangers(drop.members, len(body), drop.directory_at)]


def patched(body: bytes, name: str, offset: int, value: bytes) -> bytes:
    """The zip with bytes written into the directory's record of a member."""
    at = body.index(name.encode(), body.index(DIRECTORY)) - 46 + offset
    return body[:at] + value + body[at + len(value) :]


@pytest.mark.parametrize(
    ("method", "word"),
    [
        (zipfile.ZIP_BZIP2, "bzip2"),
        (zipfile.ZIP_LZMA, "LZMA"),
        (9, "Deflate64"),
        (93, "Zstandard"),
        (77, "method 77"),
    ],
)
def test_unusual_methods_are_refused_by_name_before_a_byte_is_unpacked(s3, make_run, tmp_path, method, word):
    body = patched(text_zip(GOOD), "dog/0.jpg", 10, struct.pack("<H", method))
    if method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        buffer = io.BytesIO(text_zip(GOOD))
        with zipfile.ZipFile(buffer, "a", method) as archive:
            archive.writestr("dog/bomb.jpg", photo(9000) + bytes(40_000_000))
        body = buffer.getvalue()
        assert len(body) < 30_000
    found, reason = refusal(s3, make_run, body)
    assert found == ["unreadable_compression"]
    assert f"compressed with {word}: " in reason
    assert "zip with Deflate" in reason
    with pytest.raises(DatasetError, match=f"compressed with {word}: "):
        train_on(as_channel(tmp_path, body))


def bmp_start(*marks: int) -> bytes:
    """The first header, with marks that make it one of a kind, and the size of the second."""
    return b"BM" + bytes(marks).ljust(12, b"\0") + struct.pack("<L", 40)


@pytest.mark.parametrize("photo_bytes", [1024**2, 11 * 1024**2])
def test_white_scans_and_line_drawings_are_no_bombs(s3, make_run, tmp_path, photo_bytes):
    scans = {
        f"{label}/{number}.bmp": bmp_start(number, len(label)) + b"\xff" * photo_bytes
        for label in ("form", "plan a")
        for number in range(5)
    }
    body = text_zip(scans, zipfile.ZIP_DEFLATED)
    assert len(body) * 300 < 10 * photo_bytes
    assert read_both(s3, make_run, tmp_path, body) == (["form", "plan a"], ["form", "plan a"])


def member(**changes: int) -> Member:
    values = {
        "size_bytes": 1000,
        "packed_bytes": 1000,
        "method": 8,
        "flag_bits": 0,
        "unix_mode": 0,
        "header_at": 0,
    }
    return Member(name=f"cat/{changes.get('header_at', 0)}.jpg", raw_name_bytes=9, **{**values, **changes})


def lying_at(count: int, **changes: int) -> list[Member]:
    return [member(header_at=number * 100_000, **changes) for number in range(count)]


@pytest.mark.parametrize(
    ("members", "archive_bytes", "codes"),
    [
        # 20 GiB of a format without compression of its own, at 25:1: scans with text on them.
        (lying_at(1000, size_bytes=20 * 1024**2, packed_bytes=90_000), 900_000_000, []),
        (lying_at(200, size_bytes=60 * 1024**2, packed_bytes=90_000), 20_000_000, ["zip_bomb"]),
        (lying_at(2, size_bytes=70 * 1024**2, packed_bytes=60_000), 200_000, ["zip_bomb"]),
        (lying_at(2, size_bytes=1033 * 90_000, packed_bytes=90_000), 200_000, ["zip_bomb"]),
        (lying_at(2, method=0, size_bytes=1001, packed_bytes=1000), 200_000, ["zip_bomb"]),
        (lying_at(2, packed_bytes=100_000), 200_000, ["zip_bomb"]),
        ([member(header_at=-5), member(header_at=5000)], 200_000, ["damaged_zip"]),
    ],
)  # fmt: skip
def test_the_bounds_on_what_is_unpacked(members, archive_bytes, codes):
    found = find_dangers(members, archive_bytes, directory_at=len(members) * 100_000)
    assert [problem.code for problem in found] == codes


def test_members_that_share_their_bytes(s3, make_run, tmp_path):
    body = text_zip(GOOD)
    at = struct.unpack_from("<L", body, body.index(DIRECTORY) + 42)[0]
    body = patched(body, "dog/3.jpg", 42, struct.pack("<L", at))
    assert refusal(s3, make_run, body)[0] == ["zip_bomb"]
    with pytest.raises(DatasetError, match="overlap each other"):
        train_on(as_channel(tmp_path, body))


@pytest.mark.parametrize("stated", [2**40, 2**63, 2**64 - 1])
def test_zip64_sizes_that_lie_are_refused(s3, make_run, stated):
    body = bytearray(text_zip(GOOD))
    extra = struct.pack("<HHQQ", 1, 16, stated, stated)
    at = body.index(b"dog/3.jpg", body.index(DIRECTORY)) - 46
    struct.pack_into("<LL", body, at + 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", body, at + 30, len(extra))
    body[at + 46 + 9 : at + 46 + 9] = extra
    end = body.rindex(b"PK\x05\x06")
    struct.pack_into("<L", body, end + 12, struct.unpack_from("<L", body, end + 12)[0] + len(extra))
    assert set(refusal(s3, make_run, bytes(body))[0]) <= {"too_large", "zip_bomb", "damaged_zip"}


@pytest.mark.parametrize("real_bytes", [50_000_000, 300])
def test_a_member_larger_than_it_states_is_damaged_and_costs_no_memory(real_bytes):
    body = text_zip({"cat/0.jpg": photo(0) + bytes(real_bytes), "dog/0.jpg": photo(1)}, zipfile.ZIP_DEFLATED)
    drop = open_zip(patched(body, "cat/0.jpg", 24, struct.pack("<L", 200)))
    tracemalloc.start()
    with pytest.raises(MemberError, match="damaged in the archive"):
        drop.read("cat/0.jpg")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 8_000_000
    assert drop.read("dog/0.jpg") == photo(1)


def test_a_member_over_the_limit_of_a_photo_is_not_unpacked():
    drop = open_zip(text_zip({"cat/0.bmp": bytes(MAX_IMAGE_BYTES + 1)}, zipfile.ZIP_DEFLATED))
    with pytest.raises(MemberError, match="the limit for one photo"):
        drop.read("cat/0.bmp")


def damage(body: bytes, name: str, how: str) -> bytes:
    at = body.index(name.encode())
    changed = bytearray(body)
    if how == "its bytes":
        changed[at + len(name) + 20 : at + len(name) + 30] = os.urandom(10)
    elif how == "its header":
        changed[at - 30 : at - 26] = b"oops"
    elif how == "its name there":
        changed[at : at + 3] = b"\xff\xfe\xfd"
    elif how == "its block type":
        changed[at + len(name)] |= 0b110
    elif how == "its checksum":
        return patched(body, name, 16, b"\0\0\0\0")
    elif how == "encryption there":
        changed[at - 24] |= 1
    return bytes(changed)


@pytest.mark.parametrize(
    "how", ["its bytes", "its header", "its name there", "its block type", "its checksum", "encryption there"]
)
def test_a_damaged_member_is_left_out_and_the_run_goes_on(s3, make_run, tmp_path, how):
    files = {name: body + os.urandom(2000) for name, body in class_photos("cat", "dog", count=30).items()}
    body = damage(text_zip(files, zipfile.ZIP_DEFLATED), "cat/7.jpg", how)
    result, _ = inspect_bytes(s3, make_run, body)
    assert result["accepted"], result["reason"]
    dataset = train_on(as_channel(tmp_path, body), result["layout_sha256"])
    lost = {item.name for item in dataset.excluded}
    assert lost <= {"cat/7.jpg"}
    assert dataset.image_count == 60 - len(lost)
    assert lost or how == "encryption there"


def first_part(body: bytes) -> bytes:
    return b"PK\x07\x08" + body[: len(body) // 2]


def last_part(body: bytes, *, disk: int = 1) -> bytes:
    """As `zip -s` writes it: the directory, with the number of its disk."""
    end = body.rindex(b"PK\x05\x06")
    return body[len(body) // 2 : end + 4] + struct.pack("<HH", disk, disk) + body[end + 8 :]


def zip64_part(body: bytes) -> bytes:
    end = body.rindex(b"PK\x05\x06")
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 1, 1000, 2)
    return body[:end] + locator + body[end : end + 4] + b"\xff\xff\xff\xff" + body[end + 8 :]


@pytest.mark.parametrize("part", [first_part, last_part, zip64_part])
def test_a_part_of_a_split_zip_is_called_so(s3, make_run, tmp_path, part):
    body = part(text_zip(GOOD))
    found, reason = refusal(s3, make_run, body)
    assert found == ["split_zip"]
    assert "one part of several" in reason
    assert "join them first" in reason
    with pytest.raises(DatasetError, match="one part of several"):
        train_on(as_channel(tmp_path, body))


def test_what_cuts_a_zip_may_have_been_a_splitter(s3, make_run):
    body = text_zip(GOOD)
    found, reason = refusal(s3, make_run, body[: len(body) // 2])
    assert found == ["damaged_zip"]
    assert "or one part of several" in reason


@pytest.mark.parametrize("cut", [1, 100, 0.5, 0.9])
def test_a_zip_without_its_beginning_is_no_bomb(s3, make_run, tmp_path, cut):
    """The last of the parts that `split`, or 7-Zip's -v, makes."""
    whole = text_zip(GOOD)
    directory_at = whole.index(DIRECTORY)
    body = whole[cut if isinstance(cut, int) else int(cut * directory_at) :]
    found, reason = refusal(s3, make_run, body)
    assert found == ["damaged_zip"]
    assert "the beginning of the zip is missing, with 'cat/0.jpg'" in reason
    assert "join the parts" in reason
    with pytest.raises(DatasetError, match="the beginning of the zip is missing"):
        train_on(as_channel(tmp_path, body))


@pytest.mark.parametrize("mode", [0o120777, 0o120644])
def test_training_refuses_links_as_the_door_does(s3, make_run, tmp_path, mode):
    buffer = io.BytesIO(text_zip(GOOD))
    with zipfile.ZipFile(buffer, "a") as archive:
        link = zipfile.ZipInfo("cat/link.jpg")
        link.external_attr = mode << 16
        archive.writestr(link, "/etc/passwd")
    body = buffer.getvalue()
    assert refusal(s3, make_run, body)[0] == ["unsafe_path"]
    with pytest.raises(DatasetError, match="links in the zip"):
        train_on(as_channel(tmp_path, body))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_training_refuses_a_name_that_stands_twice(tmp_path):
    buffer = io.BytesIO(text_zip(GOOD))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("cat/0.jpg", photo(77))
    with pytest.raises(DatasetError, match="more than once"):
        train_on(as_channel(tmp_path, buffer.getvalue()))


@pytest.mark.parametrize("cut", range(0, 1200, 97))
def test_no_cut_or_overwritten_zip_ends_in_an_unexpected_error(cut):
    body = text_zip(GOOD, zipfile.ZIP_DEFLATED)
    broken = bytearray(body)
    broken[-cut - 40 : -cut - 20 or None] = zlib.compress(str(cut).encode())[:20]
    for version in (body[:cut], body[cut:], bytes(broken)):
        try:
            drop = open_zip(version)
        except BadDropError as bad:
            assert bad.problem.message
            continue
        find_dangers(drop.members, len(version), drop.directory_at)
        for name, _ in drop.entries():
            try:
                drop.read(name)
            except MemberError as error:
                assert str(error)


def test_a_zip_by_info_zip_is_read(s3, make_run, tmp_path):
    folder = tmp_path / "photos"
    for name, body in class_photos("Möwe", "犬").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    try:
        subprocess.run(["zip", "-qr", "../whole.zip", "."], cwd=folder, check=True)
    except FileNotFoundError:
        pytest.skip("Info-ZIP is not installed")
    body = (tmp_path / "whole.zip").read_bytes()
    assert read_both(s3, make_run, tmp_path / "channel", body) == (["Möwe", "犬"], ["Möwe", "犬"])
