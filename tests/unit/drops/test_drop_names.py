"""Names in one encoding and one normal form, at the inspection and in training; the rest is refused."""

import struct
import unicodedata
import zlib

import pytest

from drops.text import printable
from tests.unit.drops.both_readers import read_both, refusal, train_on
from tests.unit.drops.made_zips import as_channel, class_photos, photo, raw_zip, text_zip
from tests.unit.inspect_dataset.inspecting import inspect_bytes
from training.failures import DatasetError


def encoded(encoding: str, *labels: str) -> dict[bytes, bytes]:
    return {name.encode(encoding): body for name, body in class_photos(*labels).items()}


def unicode_path(name: str, raw: bytes, crc: int | None = None) -> bytes:
    """Info-ZIP's extra field, APPNOTE 4.6.9."""
    body = struct.pack("<BL", 1, zlib.crc32(raw) if crc is None else crc) + name.encode()
    return struct.pack("<HH", 0x7075, len(body)) + body


LABELS = ("Möwe", "犬が", "cat")


# Finder and ditto write decomposed UTF-8 without bit 11; Info-ZIP of Unix before 3.0 composed.
@pytest.mark.parametrize("form", ["NFD", "NFC"])
@pytest.mark.parametrize("flagged", [False, True])
def test_utf8_is_read_as_such_with_the_flag_and_without(s3, make_run, tmp_path, form, flagged):
    files = encoded("utf-8", *(unicodedata.normalize(form, label) for label in LABELS))
    inspected, trained = read_both(s3, make_run, tmp_path, raw_zip(files, flagged=flagged))
    assert inspected == trained == sorted(unicodedata.normalize("NFC", label) for label in LABELS)


def test_a_unicode_path_field_says_the_name(s3, make_run, tmp_path):
    files = encoded("cp850", "Möwe", "Höhle")
    extras = {raw: unicode_path(raw.decode("cp850"), raw) for raw in files}
    inspected, trained = read_both(s3, make_run, tmp_path, raw_zip(files, extras=extras))
    assert inspected == trained == ["Höhle", "Möwe"]


def test_a_unicode_path_of_another_name_says_nothing(s3, make_run):
    files = encoded("cp850", "Möwe", "Höhle")
    extras = {raw: unicode_path("lies/1.jpg", raw, crc=1) for raw in files}
    assert refusal(s3, make_run, raw_zip(files, extras=extras))[0] == ["unknown_encoding"]


@pytest.mark.parametrize(
    ("encoding", "label"),
    [
        ("cp437", "Möwe"),
        ("cp850", "Øre"),
        ("cp1252", "Möwe"),
        ("shift_jis", "表示"),
        ("gbk", "猫"),
        ("cp866", "кот"),
    ],
)
def test_an_encoding_that_cannot_be_told_is_refused(s3, make_run, tmp_path, encoding, label):
    body = raw_zip(encoded(encoding, label, "dog"), system=0)
    found, reason = refusal(s3, make_run, body)
    assert found == ["unknown_encoding"]
    assert "cannot be told: '" in reason
    assert "and" not in reason.split(";")[0]  # the folder once, not each of its files
    assert "cu=on" in reason
    assert "python3 -m zipfile -c" in reason
    with pytest.raises(DatasetError, match="encoding of folder names in the zip cannot be told"):
        train_on(as_channel(tmp_path, body))


def test_utf8_without_the_flag_is_told_by_enough_letters_on_windows_too(s3, make_run, tmp_path):
    inspected, trained = read_both(
        s3, make_run, tmp_path, raw_zip(encoded("utf-8", "Möwe", "Bär", "Füße"), system=0)
    )
    assert inspected == trained == ["Bär", "Füße", "Möwe"]


@pytest.mark.parametrize("encoding", ["cp437", "cp1252", "gbk"])
def test_a_photos_own_name_may_be_in_any_encoding(s3, make_run, tmp_path, encoding):
    files = encoded("ascii", "cat", "dog") | {"cat/été.jpg".encode(encoding): photo(9000)}
    inspected, trained = read_both(s3, make_run, tmp_path, raw_zip(files))
    assert inspected == trained == ["cat", "dog"]


@pytest.mark.parametrize("raw", [b"cat/M\xf6we.jpg", b"M\x94we/1.jpg", b"\xff\xfe/1.jpg"])
def test_a_name_that_is_called_utf8_and_is_not(s3, make_run, tmp_path, raw):
    body = raw_zip(encoded("ascii", "cat", "dog") | {raw: photo(9000)}, flagged=True)
    found, reason = refusal(s3, make_run, body)
    assert found == ["unknown_encoding"]
    assert "is marked as UTF-8, but is not" in reason
    with pytest.raises(DatasetError, match="is marked as UTF-8, but is not"):
        train_on(as_channel(tmp_path, body))


@pytest.mark.parametrize("other", [unicodedata.normalize("NFD", "Möwe"), "Möwe ", " Möwe", "Möwe\u2003"])
def test_folders_that_differ_by_form_or_blanks_are_one_class(s3, make_run, tmp_path, other):
    files = class_photos("Möwe", other, "cat")
    body = text_zip(files)
    inspected, trained = read_both(s3, make_run, tmp_path, body)
    assert inspected == trained == ["Möwe", "cat"]
    result, report = inspect_bytes(s3, make_run, body)
    assert result["image_count"] == 18
    assert "merged_classes" in [problem["code"] for problem in report["problems"]]
    assert "are one class: 'Möwe'" in result["findings"]


@pytest.mark.parametrize(
    "pair",
    [
        ("Cat", "cat"),
        ("MÖWE", "möwe"),
        ("Straße", "STRASSE"),
        ("ÉTÉ", unicodedata.normalize("NFD", "été")),
        ("cat", "\uff43\uff41\uff54"),
        ("fish", "\ufb01sh"),
        ("big cat", "big  cat"),
        ("cat", "cat\ufe0f"),
        ("cat", "ca\u200dt"),
        ("cat", "c\u034fat"),
        ("cat", "cat\u3164"),
    ],
)
def test_folders_whose_names_look_alike_are_refused(s3, make_run, tmp_path, pair):
    body = text_zip(class_photos(*pair, "dog"))
    found, reason = refusal(s3, make_run, body)
    assert found == ["case_only"]
    assert "names look alike (they differ by upper and lower case" in reason
    with pytest.raises(DatasetError, match="names look alike"):
        train_on(as_channel(tmp_path, body))


@pytest.mark.parametrize(
    "pair", [("big cat", "big_cat"), ("❤\ufe0f", "🧑\u200d🌾"), ("نمی\u200cخواهم", "k"), ("1", "I")]
)
def test_folders_whose_names_differ_visibly_are_classes(s3, make_run, tmp_path, pair):
    inspected, trained = read_both(s3, make_run, tmp_path, text_zip(class_photos(*pair)))
    assert inspected == trained == sorted(pair)


@pytest.mark.parametrize("label", ["\u3164", "\ufe0f", "\u2800", " \u034f "])
def test_class_names_that_show_nothing_are_refused(s3, make_run, label):
    found, reason = refusal(s3, make_run, text_zip(class_photos(label, "cat", "dog")))
    assert found == ["unsafe_name"]
    assert "is blank: rename it" in reason


UNSAFE = [
    "c\x1b[2Jat", "c\rat", "c\nat", "cat\u202e", "c\u2066at", "c\u200bat", "c\u2028at", "\ue000", "  ",
    "é" * 128,
]  # fmt: skip


@pytest.mark.parametrize("label", UNSAFE)
def test_class_names_that_hide_or_reorder_are_refused_and_shown_safely(s3, make_run, tmp_path, label):
    body = text_zip(class_photos(label, "dog"))
    found, reason = refusal(s3, make_run, body)
    assert found == ["unsafe_name"]
    assert reason == printable(reason)
    assert len(reason) < 300
    with pytest.raises(DatasetError, match="rename it") as caught:
        train_on(as_channel(tmp_path, body))
    assert str(caught.value) == printable(caught.value)


@pytest.mark.parametrize("name", ["a\x1bb.jpg", "\u202egpj.exe.jpg", "a\rb.jpg", "x" * 252 + ".jpg"])
def test_photos_names_that_reorder_or_are_too_long_are_refused(s3, make_run, name):
    body = text_zip(class_photos("cat", "dog") | {f"cat/{name}": photo(9000)})
    assert refusal(s3, make_run, body)[0] == ["unsafe_name"]


# WhatsApp on macOS writes a left-to-right mark, macOS a narrow no-break space.
@pytest.mark.parametrize("name", ["\u200eWhatsApp Image.jpg", "Screenshot 9.41\u202fAM.jpg", "👩‍👩‍👧.jpg"])
def test_marks_that_real_programs_write_into_photos_names_are_no_fault(s3, make_run, tmp_path, name):
    body = text_zip(class_photos("cat", "dog") | {f"cat/{name}": photo(9000)})
    inspected, trained = read_both(s3, make_run, tmp_path, body)
    assert inspected == trained == ["cat", "dog"]


def test_a_name_on_disk_that_is_no_utf8_is_refused_in_training(tmp_path):
    for name, body in class_photos("cat", "dog").items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(body)
    (tmp_path / "cat" / b"M\xf6we.jpg".decode("utf-8", "surrogateescape")).write_bytes(photo(9000))
    with pytest.raises(DatasetError, match="has control characters: rename it"):
        train_on(tmp_path)
