from pathlib import Path

import pytest
import torch
from torch import nn

from tests.support.float_tolerance import FEW_OPERATIONS
from training.failures import WeightsError
from training.models.backbones import BACKBONES, blocks_of, build_classifier, load_pretrained, replace_head
from training.models.efficientnet_lite0 import EfficientNetLite0


def test_the_shipped_weights_load_by_name_and_give_1280_features(weights: Path) -> None:
    network = load_pretrained("efficientnet_lite0", weights)
    assert not network.training
    replace_head(network, "efficientnet_lite0", nn.Identity())
    with torch.inference_mode():
        features = network(torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    assert features.shape == (2, 1280)
    assert features.min() >= 0
    assert 0.01 < features.std() < 10


def test_same_padding_puts_the_odd_pixel_at_the_end() -> None:
    network = EfficientNetLite0()
    stem = network._conv_stem
    image = torch.zeros(1, 3, 8, 8)
    image[..., 7, 7] = 1.0
    with torch.inference_mode():
        output = stem(network._pad(image))
    assert output.shape == (1, 32, 4, 4)
    # The window of the last output starts at pixel 6: the last pixel meets the kernel's centre.
    assert torch.allclose(output[0, :, 3, 3], stem.weight[:, :, 1, 1].sum(1), atol=FEW_OPERATIONS)
    assert not output[0, :, :3].any()


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_every_backbone_takes_a_new_head(name: str) -> None:
    network = build_classifier(name, 7)
    side = BACKBONES[name].only_image_size or 64
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, side, side)).shape == (1, 7)
    assert len(blocks_of(network, name)) >= 4


def test_missing_weights_are_named(tmp_path: Path) -> None:
    (tmp_path / "resnet18.pth").touch()
    with pytest.raises(WeightsError) as caught:
        load_pretrained("resnet50", tmp_path)
    assert "has no resnet50.pth (it holds: resnet18.pth)" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04broken"])
def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "resnet18.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=r"resnet18\.pth is not a PyTorch state dict"):
        load_pretrained("resnet18", tmp_path)


def test_weights_of_another_backbone_are_refused(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "resnet18.pth").symlink_to((weights / "efficientnet_lite0.pth").resolve())
    with pytest.raises(WeightsError, match="does not hold the weights of resnet18"):
        load_pretrained("resnet18", tmp_path)


def test_a_file_with_code_in_it_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    torch.save({"weights": Trap()}, tmp_path / "resnet18.pth")
    with pytest.raises(WeightsError):
        load_pretrained("resnet18", tmp_path)
    assert not (tmp_path / "sprung").exists()
