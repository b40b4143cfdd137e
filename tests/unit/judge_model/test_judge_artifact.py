"""Reading what a training left: sound archives, odd ones and hostile ones."""

import gzip
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.judge_model import artifact
from functions.judge_model.artifact import ArtifactError, read_artifact
from tests.unit.judge_model.trainings import make_tar

FILES = {
    "metrics.json": b"{}",
    "report.html": b"<p>",
    "acceptance.json": b"{}",
    "acceptance/00.jpg": b"\xff\xd8",
    "test_predictions.jsonl": b"{}",
}
SOUND = make_tar(FILES)


def link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


@pytest.mark.parametrize("prefix", ["", "./"])
def test_the_files_are_read_and_others_passed_over(prefix):
    files = {f"{prefix}{name}": content for name, content in FILES.items()}
    packed = make_tar(
        {
            **files,
            "more/metrics.json": b"no",
            "../report.html": b"no",
            "/acceptance.json": b"no",
            "acceptance/100.jpg": b"no",
            "more/acceptance/01.jpg": b"no",
        }
    )
    assert read_artifact(packed, where="here") == FILES


@pytest.mark.parametrize("name", artifact.FILES)
def test_a_missing_file_is_named(name):
    rest = {other: content for other, content in FILES.items() if other != name}
    with pytest.raises(ArtifactError, match=f"s3://b/o lacks {name}"):
        read_artifact(make_tar(rest), where="s3://b/o")


def test_a_link_is_no_file():
    with pytest.raises(ArtifactError, match=r"lacks metrics\.json"):
        read_artifact(make_tar({**FILES, "metrics.json": link("metrics.json", "/etc/passwd")}), where="here")


def test_a_sparse_member_may_not_claim_a_terabyte():
    member = tarfile.TarInfo("report.html")
    member.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.map": "0,0", "GNU.sparse.size": str(2**40)}
    with pytest.raises(ArtifactError, match=r"lacks report\.html"):
        read_artifact(make_tar({**FILES, "report.html": member}), where="here")


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"not an archive",
        SOUND[:-20],
        SOUND[: len(SOUND) // 2],
        gzip.compress(b"x" * 2000),
        make_tar(FILES, mode="w"),
    ],
    # gzip writes the time: what is made anew in each process must not name a test.
    ids=["empty", "text", "end cut off", "half", "no archive inside", "not compressed"],
)
def test_a_damaged_archive_is_a_clear_error(packed):
    with pytest.raises(ArtifactError, match="here"):
        read_artifact(packed, where="here")


def test_a_gzip_bomb_is_stopped_at_the_limit(monkeypatch):
    monkeypatch.setattr(artifact, "MAX_UNPACKED_BYTES", 1024**2)
    with pytest.raises(ArtifactError, match="unpacks to over 1 MiB"):
        read_artifact(gzip.compress(bytes(2 * 1024**2)), where="here")


@settings(deadline=None)
@given(st.integers(0, len(SOUND) - 1), st.binary(min_size=1, max_size=8))
def test_no_damage_raises_anything_but_the_domain_error(at, noise):
    try:
        files = read_artifact(SOUND[:at] + noise + SOUND[at + len(noise) :], where="here")
    except ArtifactError:
        return
    assert set(files) == set(FILES)
