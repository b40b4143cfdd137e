"""Which photos the inference function keeps for a review, and what it writes of each."""

import hashlib
import io
import json
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from functions.common.s3_uris import S3Uri
from functions.inference.capture import AnsweredPhoto, PhotoCapture, source_of
from functions.inference.endpoint import Scores, Unknown
from functions.inference.fetching.deadlines import Deadline
from functions.inference.fetching.image_urls import parse_image_url
from functions.inference.live_release import Release

LIVE = Release("release-1", "endpoint-1", "run-1")
SURE = Scores(["cat", "dog"], [2.0, 0.0], [0.9, 0.1])
UNSURE = Scores(["cat", "dog"], [0.1, 0.0], [0.52, 0.48])
UNKNOWN = SURE._replace(unknown=Unknown(True, 3.0, 2.0))
SECRET = "X-Amz-Signature=abc"
SIGNED = parse_image_url(f"https://photos.example.com/a%20b/cat.jpg?{SECRET}")


class Bucket:
    """Refuses to write a key twice, as S3 does; `failing` is an error code of each write."""

    def __init__(self, failing: str = "") -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self._failing = failing

    def put_object(self, **asked: Any) -> None:
        assert asked["IfNoneMatch"] == "*"
        code = self._failing or ("PreconditionFailed" if asked["Key"] in self.objects else "")
        if code:
            raise ClientError({"Error": {"Code": code, "Message": SECRET}}, "PutObject")
        self.objects[asked["Key"]] = asked


def capture(bucket: Bucket, *, share: float = 1.0, a_day: int = 100) -> PhotoCapture:
    return PhotoCapture("data", share, a_day, 40_000_000, lambda: bucket)  # type: ignore[arg-type, return-value]


def answered(photo: bytes, scores: Scores = UNSURE, source: Any = SIGNED) -> AnsweredPhoto:
    """One that was small enough to go to the model as it was sent."""
    return AnsweredPhoto(source, photo, photo, LIVE, scores)


def photo_of(colour: str) -> bytes:
    """Lies on its side by its EXIF, which has a GPS position, too; and has a comment."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    stream = io.BytesIO()
    Image.new("RGB", (60, 30), colour).save(stream, "JPEG", exif=exif, comment=b"at home")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("scores", "release", "share", "wanted"),
    [
        (UNSURE, LIVE, 1.0, True),
        (UNKNOWN, LIVE, 1.0, True),
        (SURE, LIVE, 1.0, False),
        (UNSURE, LIVE, 0.0, False),
        (UNSURE, LIVE._replace(track="candidate"), 1.0, False),
    ],
)
def test_doubtful_photos_are_wanted(scores: Scores, release: Release, share: float, wanted: bool) -> None:
    assert capture(Bucket(), share=share).wants(release, scores, 0.6) is wanted


def test_a_photo_is_kept_upright_without_its_metadata_and_without_the_urls_query() -> None:
    bucket = Bucket()

    capture(bucket).keep(answered(photo_of("red"), UNKNOWN), Deadline.after(20))

    (kept,) = bucket.objects.values()
    with Image.open(io.BytesIO(kept["Body"])) as image:
        assert image.size == (30, 60) and not image.getexif() and "comment" not in image.info
    assert SECRET not in str(kept)
    told = json.loads(unquote(kept["Metadata"]["dropserve-capture"]))
    assert told["source"] == "https://photos.example.com/a%20b/cat.jpg"
    assert (told["label"], told["unknown"], told["release"]) == ("cat", True, "release-1")


def test_what_is_kept_is_made_of_what_the_model_saw_and_named_by_what_was_sent() -> None:
    """A large photo is decoded once: the model's is small already."""
    bucket, sent, asked = Bucket(), photo_of("red"), photo_of("blue")

    capture(bucket).keep(answered(sent)._replace(asked=asked), Deadline.after(20))

    (kept,) = bucket.objects.values()
    with Image.open(io.BytesIO(kept["Body"])) as image:
        red, _, blue = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    told = json.loads(unquote(kept["Metadata"]["dropserve-capture"]))
    assert blue > red
    assert (told["sha256"], told["size_bytes"]) == (hashlib.sha256(sent).hexdigest(), len(sent))


def test_the_day_takes_no_more_photos_than_it_may() -> None:
    bucket = Bucket()
    for number in range(20):
        capture(bucket, a_day=3).keep(
            answered(photo_of(f"#{number:02x}4080"), source=b""), Deadline.after(20)
        )

    assert len(bucket.objects) == 3


@pytest.mark.parametrize("left_s", [1, 20])
def test_a_failure_raises_nothing_and_logs_no_secret(capsys: pytest.CaptureFixture[str], left_s: int) -> None:
    bucket = Bucket(failing="AccessDenied")

    capture(bucket).keep(answered(photo_of("red")), Deadline.after(left_s))
    capture(bucket).keep(answered(b"no photo"), Deadline.after(left_s))

    assert not bucket.objects and SECRET not in capsys.readouterr().out


def test_where_a_photo_is_from() -> None:
    assert source_of(S3Uri("data", "uploads/1.jpg")) == "s3://data/uploads/1.jpg"
    assert source_of(b"bytes") == "sent"


def test_long_names_still_fit_in_the_metadata() -> None:
    bucket = Bucket()
    scores = UNSURE._replace(classes=["\U0001f408" * 300, "dog"])
    url = parse_image_url(f"https://photos.example.com/{'ä' * 900}")

    capture(bucket).keep(answered(photo_of("red"), scores, url), Deadline.after(20))

    (kept,) = bucket.objects.values()
    assert len(kept["Metadata"]["dropserve-capture"]) < 2000
