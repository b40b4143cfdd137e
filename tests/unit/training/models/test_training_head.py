import pytest
import torch

from tests.support.float_tolerance import FEW_OPERATIONS, lead
from training.features.feature_file import FeatureFile
from training.models.head import PATIENCE, Epoch, HeadData, Labelled, class_weights, train_head
from training.models.lr_schedule import learning_rate
from training.settings import HeadSettings

SETTINGS = HeadSettings(
    epochs=40,
    batch_size=16,
    learning_rate=1e-2,
    warmup_epochs=1,
    weight_decay=1e-3,
    label_smoothing=0.1,
    class_weights="none",
    seed=3,
)
Clusters = tuple[torch.Tensor, torch.Tensor]


def clusters(count: int, seed: int) -> Clusters:
    """Three overlapping clouds, far from zero and unequally wide, as features are."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    centres = torch.tensor([[100.0, 0.01], [110.0, 0.02], [100.0, 0.03]])
    spread = torch.tensor([4.0, 0.004])
    return centres[labels] + spread * torch.randn(count, 2, generator=generator), labels


def data(train: Clusters, valid: Clusters) -> HeadData:
    """Features of one view each, on disk."""
    train_split, valid_split = (
        Labelled(FeatureFile.of(features[:, None]), labels) for features, labels in (train, valid)
    )
    return HeadData(train_split, valid_split, 3)


def accuracy(layer: torch.nn.Linear, split: Clusters) -> float:
    with torch.inference_mode():
        return (layer(split[0]).argmax(1) == split[1]).float().mean().item()


def test_the_layer_works_on_raw_features_and_is_the_best_epochs() -> None:
    valid = clusters(90, seed=2)
    trained = train_head(data(clusters(300, seed=1), valid), SETTINGS)
    best = trained.history[trained.best_epoch - 1]
    assert best.valid_loss == min(epoch.valid_loss for epoch in trained.history)
    assert best.valid_accuracy > 0.7
    layer, (features, labels) = trained.layer, valid
    with torch.inference_mode():
        logits = layer(features)
        # Features far from zero and the folded bias cancel: the error is a share of what is added up.
        summands = features.abs() @ layer.weight.abs().T + layer.bias.abs()
    within = FEW_OPERATIONS * float(summands.max())
    loss = torch.nn.functional.cross_entropy(logits, labels).item()
    assert loss == pytest.approx(best.valid_loss, abs=2 * within)
    undecided = sum(lead(scores) <= 2 * within for scores in logits.tolist())
    assert undecided <= 1
    assert abs(accuracy(layer, valid) - best.valid_accuracy) <= undecided / len(labels) + FEW_OPERATIONS


def test_the_same_seed_gives_the_same_layer() -> None:
    both = data(clusters(200, seed=1), clusters(60, seed=2))
    first, second = (train_head(both, SETTINGS) for _ in range(2))
    assert torch.equal(first.layer.weight, second.layer.weight)
    assert first.history == second.history
    other = train_head(both, HeadSettings(**{**vars(SETTINGS), "seed": 4}))
    assert not torch.equal(first.layer.weight, other.layer.weight)


def test_early_stopping_ends_a_training_that_no_longer_gains() -> None:
    features, labels = clusters(60, seed=1)
    # Validation says the opposite of training: the first epoch is the least bad.
    reported: list[Epoch] = []
    trained = train_head(data((features, labels), (features, (labels + 1) % 3)), SETTINGS, reported.append)
    assert trained.best_epoch == 1
    assert len(trained.history) == 1 + PATIENCE
    assert reported == trained.history


def test_the_learning_rate_warms_up_then_falls_to_a_hundredth() -> None:
    rates = [learning_rate(1.0, progress=step / 10, warmup=2, epochs=12) for step in range(121)]
    assert rates[0] == 1 / 3
    assert max(rates) == rates[20] == 1.0
    assert rates[:21] == sorted(rates[:21])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert abs(rates[120] - 0.01) < 1e-9


def test_balanced_class_weights_make_a_rare_class_found() -> None:
    assert class_weights(torch.tensor([0, 0, 0, 1]), 2, "none") is None
    weights = class_weights(torch.tensor([0, 0, 0, 1]), 2, "balanced")
    assert weights is not None
    assert torch.allclose(weights, torch.tensor([4 / 6, 2.0]))

    features, labels = clusters(600, seed=1)
    rare = (labels != 2) | (torch.arange(600) % 20 == 2)
    valid = clusters(90, seed=2)
    found = {}
    for kind in ("none", "balanced"):
        settings = HeadSettings(**{**vars(SETTINGS), "class_weights": kind})
        layer = train_head(data((features[rare], labels[rare]), valid), settings).layer
        with torch.inference_mode():
            found[kind] = int((layer(valid[0][valid[1] == 2]).argmax(1) == 2).sum())
    assert found["balanced"] > found["none"]


def test_the_head_learns_from_every_view() -> None:
    """The plain view alone says nothing here: only the second one tells the classes apart."""
    features, labels = clusters(300, seed=1)
    both = torch.stack([torch.zeros_like(features), features], dim=1)
    train = Labelled(FeatureFile.of(both), labels)
    valid = clusters(90, seed=2)
    trained = train_head(HeadData(train, Labelled(FeatureFile.of(valid[0][:, None]), valid[1]), 3), SETTINGS)
    assert accuracy(trained.layer, valid) > 0.6
