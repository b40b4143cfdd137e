"""Labels in tables: labels.csv beside photos, and COCO's JSON; read only where there are no class folders."""

import json

import pytest

from drops.applied_review import apply_review
from drops.layout import Candidate, Layout, read_layout
from drops.problems import BadDropError
from drops.review import Decision

PHOTOS = ["1.jpg", "2.jpg", "3.png"]


def lay_out(files: dict[str, str | bytes]) -> Layout:
    contents = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    return read_layout(
        [(name, len(content)) for name, content in contents.items()],
        lambda name, length: contents[name][:length],
    )


def photos(folder: str, names: list[str] = PHOTOS) -> dict[str, str | bytes]:
    return dict.fromkeys([folder + name for name in names], b"photo")


def told(layout: Layout) -> dict[str, tuple[str, str]]:
    return {candidate.name: (candidate.label, candidate.split) for candidate in layout.candidates}


@pytest.mark.parametrize("folder", ["", "images/", "wrapper/images/"])
@pytest.mark.parametrize("head", ["file,label", "id,breed", "Filename,Class,more", "\ufeffimage,category"])
def test_a_table_beside_a_flat_folder(folder: str, head: str) -> None:
    rows = ["1.jpg,cat,x", "2,dog,x", "images/3.png,cat,x" if folder else "./3.png,cat,x"]
    around = "wrapper/" if folder.startswith("wrapper/") else ""

    layout = lay_out({**photos(folder), f"{around}labels.csv": "\n".join([head, *rows])})

    assert told(layout) == {
        f"{folder}1.jpg": ("cat", ""),
        f"{folder}2.jpg": ("dog", ""),
        f"{folder}3.png": ("cat", ""),
    }
    assert (layout.kind, layout.by_tables) == ("flat", True)


def test_a_kaggle_download_trains_on_what_is_labelled() -> None:
    files = {
        **photos("train/"),
        **photos("test/", ["7.jpg", "8.jpg"]),
        "labels.csv": "id,breed\n1,cat\n2,dog\n3,cat",
    }

    layout = lay_out(files)

    assert told(layout) == {
        "train/1.jpg": ("cat", "train"),
        "train/2.jpg": ("dog", "train"),
        "train/3.png": ("cat", "train"),
    }
    assert sorted(layout.strays) == ["test/7.jpg", "test/8.jpg"]
    assert layout.strays_in_splits == 2


def test_a_column_may_say_the_split() -> None:
    table = "file,label,split\n1.jpg,cat,train\n2.jpg,dog,val\n3.png,dog,"

    assert told(lay_out({**photos("photos/"), "labels.csv": table})) == {
        "photos/1.jpg": ("cat", "train"),
        "photos/2.jpg": ("dog", "valid"),
        "photos/3.png": ("dog", "train"),
    }


def coco(labels: dict[str, str]) -> str:
    names = sorted(set(labels.values()))
    return json.dumps(
        {
            "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
            "images": [{"id": number, "file_name": file} for number, file in enumerate(labels)],
            "annotations": [
                {"image_id": number, "category_id": names.index(label)}
                for number, label in enumerate(labels.values())
            ],
        }
    )


def test_a_coco_export_with_a_file_a_split() -> None:
    layout = lay_out(
        {
            **photos("train/", ["1.jpg", "2.jpg"]),
            "train/_annotations.coco.json": coco({"1.jpg": "cat", "2.jpg": "dog"}),
            **photos("valid/", ["1.jpg"]),
            "valid/_annotations.coco.json": coco({"1.jpg": "dog"}),
        }
    )

    assert told(layout) == {
        "train/1.jpg": ("cat", "train"),
        "train/2.jpg": ("dog", "train"),
        "valid/1.jpg": ("dog", "valid"),
    }


def test_a_yolo_classification_export_is_class_folders() -> None:
    names = [f"set/{split}/{label}/1.jpg" for split in ("train", "val", "test") for label in ("cat", "dog")]

    assert set(told(lay_out(dict.fromkeys(names, b"photo"))).values()) == {
        (label, split) for label in ("cat", "dog") for split in ("train", "valid", "test")
    }


def test_class_folders_go_before_a_table() -> None:
    files = {**photos("cat/", ["1.jpg"]), **photos("dog/", ["2.jpg"]), "labels.csv": "no table"}

    assert told(lay_out(files)) == {"cat/1.jpg": ("cat", ""), "dog/2.jpg": ("dog", "")}


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("", "needs a column `file` and a column `label`"),
        ("photo;label\n1.jpg;cat", "needs a column `file`"),
        ("file,label\n9.jpg,cat", "names files that are not there: '9.jpg'"),
        ("file,label\n1.jpg,cat\n1,dog", "gives 'p/1.jpg' several labels"),
        ("file,label\n1.jpg,", "has the label '', which is blank"),
        ("file,label\n1.jpg,a\x1b[2J", "which has control or invisible characters"),
        ("file,label,split\n1.jpg,cat,maybe", "has the split 'maybe' in line 2"),
        (b"\xff\xfefile", "is not in UTF-8"),
        ("file,label\n1.jpg,Cat\n2.jpg,cat", "names look alike"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(table: str | bytes, why: str) -> None:
    with pytest.raises(BadDropError) as caught:
        lay_out({**photos("p/"), "labels.csv": table})
    assert why in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"images": []}', coco({"1.jpg": "cat"}).replace('"image_id": 0', '"image_id": 5')]
)
def test_what_is_no_coco_file_is_told(text: str) -> None:
    with pytest.raises(BadDropError, match="is no COCO file"):
        lay_out({**photos("p/"), "p/annotations.json": text})


def test_a_review_makes_class_folders_of_a_table() -> None:
    contents = {
        **photos("train/"),
        **photos("test/", ["9.jpg"]),
        "labels.csv": b"id,breed\n1,cat\n2,dog\n3,cat",
    }

    applied = apply_review(
        [(name, len(content)) for name, content in contents.items()],
        [Decision("drop", "train/1.jpg", "cat"), Decision("relabel", "train/2.jpg", "dog", "cat")],
        lambda name, length: contents[name][:length],  # type: ignore[return-value]
    )

    assert applied.names == {"train/2.jpg": "train/cat/train_2.jpg", "train/3.png": "train/cat/train_3.png"}
    assert applied.done == {"drop": 1, "relabel": 1}


def test_a_candidate_keeps_its_size() -> None:
    layout = lay_out({**photos("p/"), "labels.csv": "file,label\n1.jpg,cat\n2.jpg,dog"})

    assert layout.candidates[0] == Candidate("p/1.jpg", "cat", "", 5)
    assert layout.strays == ["p/3.png"] and layout.others == ["labels.csv"]
