"""Archives are the same bytes for the same files."""

import os
import tarfile
import zipfile
from pathlib import Path

from deploy_scripts.packaging.archives import files_below, make_tar_gz, make_zip


def write_tree(folder: Path, names: list[str], time: int) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
        os.utime(path, (time, time))
    return folder


def test_zip_and_tar_do_not_depend_on_times_modes_or_order(tmp_path: Path) -> None:
    first = write_tree(tmp_path / "one", ["a.py", "b/c.py"], time=1_000_000_000)
    second = write_tree(tmp_path / "two", ["b/c.py", "a.py"], time=1_700_000_000)
    (second / "a.py").chmod(0o700)

    for make, ending in ((make_zip, "zip"), (make_tar_gz, "tar.gz")):
        one = make(files_below(first), tmp_path / f"one.{ending}")
        two = make(dict(reversed(files_below(second).items())), tmp_path / f"two.{ending}")
        assert one.read_bytes() == two.read_bytes()


def test_a_changed_file_changes_the_archive(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "tree", ["a.py"], time=1_000_000_000)
    before = make_zip(files_below(folder), tmp_path / "before.zip").read_bytes()
    (folder / "a.py").write_text("changed")

    assert make_zip(files_below(folder), tmp_path / "after.zip").read_bytes() != before


def test_archives_hold_the_files_under_their_names(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "tree", ["a.py", "b/c.py"], time=1_000_000_000)

    with zipfile.ZipFile(make_zip(files_below(folder), tmp_path / "x.zip")) as archive:
        assert archive.namelist() == ["a.py", "b/c.py"]
        assert archive.read("b/c.py") == b"content of b/c.py"
    with tarfile.open(make_tar_gz(files_below(folder), tmp_path / "x.tar.gz")) as archive:
        assert archive.getnames() == ["a.py", "b/c.py"]


def test_hidden_files_and_caches_stay_out(tmp_path: Path) -> None:
    folder = write_tree(
        tmp_path / "tree", ["a.py", ".lock", ".git/x", "b/__pycache__/c.pyc"], time=1_000_000_000
    )

    assert list(files_below(folder)) == ["a.py"]
    assert list(files_below(folder, caches=True)) == ["a.py", "b/__pycache__/c.pyc"]
