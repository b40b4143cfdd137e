"""The limits of a drop, for the inspection and for training alike."""

from collections.abc import Collection

# What a class needs at the inspection. Training can do with MIN_PHOTOS_IN_TRAIN and one a split that is cut:
# the rest makes up for copies and damaged photos, which only training finds.
MIN_IMAGES_PER_CLASS = 5
MIN_PHOTOS_IN_TRAIN = 1
MIN_CLASSES = 2
# Below this a class is learned badly: a warning, not a refusal.
TINY_CLASS_IMAGES = 20
# The largest class over the smallest, from which the drop is called skewed.
SKEW_RATIO = 10

MAX_IMAGES = 300_000
# Training decodes a photo in memory, one for each thread, and leaves larger files out.
MAX_IMAGE_BYTES = 64 * 1024**2
MAX_TOTAL_BYTES = 100 * 1024**3
# Of labels.csv, COCO's JSON, groups.csv and review.csv: a line a photo, all of it in memory.
MAX_TABLE_BYTES = 64 * 1024**2

# No DEFLATE stream unpacks to more than 1032 times its size: https://zlib.net/zlib_tech.html ("Maximum
# Compression Factor"). A white scan comes near it, so the ratio of one photo says nothing below that.
MAX_DEFLATE_RATIO = 1032
# Unpacking this much is seconds of work, whatever it was packed to; a larger archive has to hold photos, and
# no set of photos as a whole packs better than the ratio.
RATIO_APPLIES_FROM_BYTES = 8 * 1024**3
MAX_TOTAL_RATIO = 100

# One folder's or file's name: the limit of nearly every file system (NAME_MAX of Linux).
MAX_NAME_BYTES = 255
# Folders in each other; a zip's name has room for 32,000, which would cost a list of all their paths.
MAX_DEPTH = 64


def needed_in_train(given_splits: Collection[str]) -> int:
    """How many photos to train on a class needs, when the drop comes with these splits.

    Each of valid and test that is not given is cut from the photos to train on, one photo at least.
    """
    return MIN_PHOTOS_IN_TRAIN + sum(split not in given_splits for split in ("valid", "test"))
