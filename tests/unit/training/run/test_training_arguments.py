from pathlib import Path

import pytest

from training.arguments import parse_arguments
from training.failures import ArgumentError

CHANNELS = {
    "SM_CHANNEL_DATASET": "/in/dataset",
    "SM_CHANNEL_WEIGHTS": "/in/weights",
    "SM_MODEL_DIR": "/model",
    "SM_OUTPUT_DATA_DIR": "/out",
}


def test_folders_come_from_sagemakers_variables() -> None:
    settings = parse_arguments([], CHANNELS)
    assert settings.dataset == Path("/in/dataset")
    assert settings.champion is None
    assert settings.backbone == "efficientnet_lite0"
    with_champion = parse_arguments(["--model-dir", "/mine"], {**CHANNELS, "SM_CHANNEL_CHAMPION": "/in/old"})
    assert with_champion.champion == Path("/in/old")
    assert with_champion.model_dir == Path("/mine")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--epochs", "0"], "argument --epochs: must be a whole number from 1 to 1000, not 0"),
        (["--epochs", "many"], "--epochs: must be a whole number from 1 to 1000, not 'many'"),
        (["--learning-rate", "nan"], "--learning-rate: must be a number from 1e-06 to 1, not nan"),
        (["--image-size", "225"], "must be a multiple of 32 from 64 to 640, not 225"),
        (["--backbone", "vit_b_16", "--image-size", "256"], "vit_b_16 takes images of 224 pixels only"),
        (["--backbone", "vgg"], "invalid choice: 'vgg'"),
        (["--valid-share", "0.5", "--test-share", "0.5"], "at most 0.8 together, not 1"),
        (["--colour", "red"], "unrecognized arguments: --colour red"),
        (["--epoch", "3"], "unrecognized arguments: --epoch 3"),
    ],
)
def test_a_bad_argument_is_named(arguments: list[str], sentence: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_arguments(arguments, CHANNELS)
    assert sentence in str(caught.value)


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(ArgumentError, match="--weights is missing"):
        parse_arguments([], {**CHANNELS, "SM_CHANNEL_WEIGHTS": ""})
