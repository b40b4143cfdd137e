"""The kinds of findings: what each means, and what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of finding: its title, and what to do about it."""

    title: str
    advice: str


PHOTO_KINDS = {
    "label_error": Kind(
        "Probably wrong labels", "Look at each: relabel it, drop it, or keep it where the label is right."
    ),
    "test_label_error": Kind(
        "Probably wrong labels of the test",
        "The accuracy may be misstated: correct them, and drop again. Each is a mistake of this model, whose "
        "accuracy rises by every one that is changed: change what is wrong alone. None was used to choose "
        "the model.",
    ),
    "near_duplicate": Kind(
        "Nearly the same photo twice",
        "Keep one of each pair. A photo in two splits makes the test look better than it is: "
        "training leaves out the one that is not measured.",
    ),
    "scene_across_splits": Kind(
        "One scene in two splits",
        "Move a scene's photos to one side: they are alike, and make the test look better than it is.",
    ),
    "outlier": Kind(
        "Unlike all others", "Look whether it belongs in the dataset: a wrong object, a scan, a screenshot."
    ),
    "blank": Kind("Blank", "Drop it: it shows nothing."),
    "dark": Kind("Very dark", "Drop it, unless photos to predict are as dark."),
    "blurry": Kind("Much less sharp than the others", "Drop it, unless photos to predict are as blurred."),
}
CLASS_KINDS = {
    "confusable_classes": Kind(
        "Classes that the features cannot tell apart",
        "Merge them, add photos that show the difference, or train with fine-tune.",
    ),
    "few_photos": Kind("Classes with few photos", "Add photos: a class this small is learned badly."),
}
