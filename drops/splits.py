"""The words by which folders say which split they are: train, valid or test."""

import re

# The splits, under the names that every document has for them.
SPLITS = ("train", "valid", "test")
_WORDS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("valid", "val", "validation", "dev", "eval"), "valid"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}
# What else the name of a split may say: `train_images`, `training_set`, `valset`, `test data`.
_FILLERS = frozenset({"set", "data", "dataset", "image", "images", "img", "imgs", "photo", "photos", "split"})
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_GLUED = re.compile(rf"({'|'.join(sorted(_WORDS, key=len, reverse=True))})(set|data|images|imgs)?")
# The folders of detection and segmentation sets, each with splits inside: no classes.
ROLES = frozenset({"images", "image", "labels", "label", "masks", "mask", "annotations", "annotation"})


def split_of(folder: str) -> str | None:
    """The split that a folder's name says, whatever its case, digits and separators: `Training`,
    `train2017`, `val_2017`, `test-1`; None for any other name.
    """
    split, rest = _read(folder)
    return split if not rest else None


def resembled_split(folder: str) -> tuple[str, str] | None:
    """For a name that has a split's word beside others (`seg_train`): the split, and the other words."""
    split, rest = _read(folder)
    return (split, " ".join(rest)) if split and rest else None


def _read(folder: str) -> tuple[str | None, list[str]]:
    """The split, and the words that are neither a split's nor fillers. Two splits in a name make none."""
    found, rest = set(), []
    # Letters of any script count as words; digits, blanks and punctuation part them.
    for word in (part for written in re.findall(r"[^\W\d_]+", folder) for part in _parts(written)):
        if glued := _GLUED.fullmatch(word):
            found.add(_WORDS[glued[1]])
        elif word not in _FILLERS:
            rest.append(word)
    return (found.pop() if len(found) == 1 else None), rest


def _parts(written: str) -> list[str]:
    """`trainA` and `catsTest` are two words each, `vAlid` is one."""
    word = written.casefold()
    return [word] if _GLUED.fullmatch(word) else _HUMP.sub(" ", written).casefold().split()
