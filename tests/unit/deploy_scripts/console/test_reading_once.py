"""What several windows ask for is read once; a command line names the deployment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy_scripts.aws import Target
from deploy_scripts.console.context import Console


def test_a_value_is_kept_for_its_time() -> None:
    console, read = Console(Target()), []
    for _ in range(3):
        console.recent("one", lambda: read.append("read"), 60)
    assert read == ["read"]
    console.forget()
    console.recent("one", lambda: read.append("again"), 60)
    assert read == ["read", "again"]


def test_windows_that_ask_at_once_wait_for_one_reading() -> None:
    console, read = Console(Target()), []
    with ThreadPoolExecutor(8) as windows:
        list(windows.map(lambda _: console.recent("one", lambda: read.append(1), 60), range(8)))
    assert read == [1]


def test_an_error_is_not_kept() -> None:
    console = Console(Target())

    def fail() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        console.recent("one", fail)
    assert console.recent("one", lambda: 1) == 1


def test_a_command_names_the_target_where_it_is_not_the_usual_one() -> None:
    assert Console(Target()).command("drop", "my photos.zip") == "dropserve drop 'my photos.zip'"
    target = Target(name="aws", profile="me", region="eu-west-1", stack="other")
    wanted = "dropserve runs --target aws --profile me --region eu-west-1 --stack other"
    assert Console(target).command("runs") == wanted


def test_the_folder_goes_with_the_console() -> None:
    console = Console(Target())
    folder = console.folder
    (folder / "photo.jpg").write_bytes(b"x")
    assert folder.stat().st_mode & 0o077 == 0
    console.close()
    assert not folder.exists()
