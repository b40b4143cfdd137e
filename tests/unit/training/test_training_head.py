import torch

from head import PATIENCE, Epoch, HeadSettings, Labelled, train_head

SETTINGS = HeadSettings(
    epochs=40, batch_size=16, learning_rate=1e-2, weight_decay=1e-3, label_smoothing=0.1, seed=3
)


def clusters(count: int, seed: int) -> Labelled:
    """Three overlapping clouds, far from zero and unequally wide, as features are."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    centres = torch.tensor([[100.0, 0.01], [110.0, 0.02], [100.0, 0.03]])
    spread = torch.tensor([4.0, 0.004])
    return centres[labels] + spread * torch.randn(count, 2, generator=generator), labels


def accuracy(layer: torch.nn.Linear, data: Labelled) -> float:
    with torch.inference_mode():
        return (layer(data[0]).argmax(1) == data[1]).float().mean().item()


def test_the_layer_works_on_raw_features_and_is_the_best_epochs() -> None:
    valid = clusters(90, seed=2)
    trained = train_head(clusters(300, seed=1), valid, 3, SETTINGS)
    best = trained.history[trained.best_epoch - 1]
    assert best.valid_loss == min(epoch.valid_loss for epoch in trained.history)
    assert abs(accuracy(trained.layer, valid) - best.valid_accuracy) < 1e-6
    assert best.valid_accuracy > 0.7
    with torch.inference_mode():
        loss = torch.nn.functional.cross_entropy(trained.layer(valid[0]), valid[1]).item()
    assert abs(loss - best.valid_loss) < 1e-3


def test_the_same_seed_gives_the_same_layer() -> None:
    data = clusters(200, seed=1), clusters(60, seed=2)
    first, second = (train_head(*data, 3, SETTINGS) for _ in range(2))
    assert torch.equal(first.layer.weight, second.layer.weight)
    assert first.history == second.history
    other = train_head(*data, 3, HeadSettings(**{**vars(SETTINGS), "seed": 4}))
    assert not torch.equal(first.layer.weight, other.layer.weight)


def test_training_stops_when_validation_no_longer_gains() -> None:
    features, labels = clusters(60, seed=1)
    # Validation says the opposite of training: the first epoch is the least bad.
    reported: list[Epoch] = []
    trained = train_head((features, labels), (features, (labels + 1) % 3), 3, SETTINGS, reported.append)
    assert trained.best_epoch == 1
    assert len(trained.history) == 1 + PATIENCE
    assert reported == trained.history
