"""Which photos show one scene: by groups.csv, and by their names."""

import pytest

from drops import groups
from drops.groups import find_groups_file, guess_groups, read_groups
from drops.label_tables import ReadFile
from drops.layout import Candidate, read_layout
from drops.problems import BadDropError

NAMES = ["w/cat/a.jpg", "w/cat/b.jpg", "w/dog/a.jpg", "w/groups.csv"]


def candidates(names: list[str]) -> list[Candidate]:
    return read_layout([(name, 10) for name in names]).candidates


def file_of(content: bytes) -> ReadFile:
    return lambda _, length: content[:length]


def test_photos_are_named_from_the_drop_or_from_the_files_folder_or_by_themselves() -> None:
    text = b"\xef\xbb\xbffile,group\r\nw/cat/a.jpg,one\r\ndog/a.jpg,one\r\nb.jpg,two\r\nother.jpg,two\r\n"

    found = read_groups(file_of(text), "w/groups.csv", candidates(NAMES))

    assert found == {"w/cat/a.jpg": "one", "w/dog/a.jpg": "one", "w/cat/b.jpg": "two"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "no column file and no column group"),
        (b"file,scene\n", "no column group"),
        (b"file,group\nx.jpg,one\n", "no line with a photo"),
        (b"file,group\na.jpg,one\n", "no line with a photo"),
        (b"\xff\xfe", "no CSV file in UTF-8"),
    ],
)
def test_another_file_says_what_is_wrong(text: bytes, why: str) -> None:
    with pytest.raises(BadDropError, match=why):
        read_groups(file_of(text), "w/groups.csv", candidates(NAMES))


def test_a_file_that_is_too_large_is_refused_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"file,group\nw/cat/a.jpg,one\nw/cat/b.jpg,one\n"
    monkeypatch.setattr(groups, "MAX_TABLE_BYTES", len(text))
    with pytest.raises(BadDropError, match="or more: correct it"):
        read_groups(file_of(text), "w/groups.csv", candidates(NAMES))
    assert len(read_groups(file_of(text[:-1]), "w/groups.csv", candidates(NAMES))) == 2


def test_the_outermost_file_counts() -> None:
    assert find_groups_file(["w/cat/groups.csv", "w/Groups.CSV", "w/a.jpg"]) == "w/Groups.CSV"
    assert find_groups_file(["w/a.jpg"]) is None


def test_names_tell_scenes_where_a_class_has_several_of_several_photos() -> None:
    scenes = [f"cat/scene{scene}_{photo:03}.jpg" for scene in (1, 2, 12) for photo in (1, 2)]
    found = guess_groups(candidates([*scenes, "cat/other.jpg", "dog/1.jpg"]))

    assert set(found) == set(scenes)
    assert len(set(found.values())) == 3


@pytest.mark.parametrize(
    "names",
    [
        [f"cat/cat_{number:03}.jpg" for number in range(9)],
        [f"cat/n02085620_{number}.jpg" for number in range(9)],
        [f"cat/photo{number}_1.jpg" for number in range(9)],
        [f"cat/{number}.jpg" for number in range(9)],
    ],
    ids=["a class's name", "one prefix", "scenes of one photo", "numbers"],
)
def test_other_names_tell_none(names: list[str]) -> None:
    assert guess_groups(candidates([*names, "dog/1.jpg"])) == {}
