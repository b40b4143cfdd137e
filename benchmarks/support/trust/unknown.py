"""Photos of one set are told from those of the other, which a model was trained on.

Ten splits of each set show how well. One training a set shows what the endpoint then serves, and what an
answer costs more.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.support.demo_model import train_model
from benchmarks.support.spread import shorten
from benchmarks.support.trust.claims import Claim, describe
from benchmarks.support.trust.splits import RATE, SPLITS, Split, answer_splits, directions, read_set
from training.data.preprocessing import Pixels
from training.export.graph import Graph
from training.export.served_model import ServedModel, load_served_model
from training.unknown.detection import auroc

_ROUNDS = 400


def measure_unknown() -> dict[str, Any]:
    """AUROC, false alarms and detection in both directions, and what an answer costs more."""
    over_splits, served, costs = {}, {}, []
    for names in directions():
        title = f"{names[0]}, asked of {names[1]}"
        rounds = [_figures(split) for split in answer_splits(*names)]
        over_splits[title] = {name: shorten(_mean(rounds, name)) for name in rounds[0]}
        known, other = (read_set(name) for name in names)
        with tempfile.TemporaryDirectory() as folder:
            model = train_model(Path(folder) / "trained", known.zip_file)
            served[title] = _served(_load(model), other.photos)
            costs.append(_latency_cost(model, known.photos[0]))
    rates = [each["false_alarm_rate"] for each in over_splits.values()]
    claims = [
        Claim("AUROC, mean of both directions", _mean(over_splits.values(), "auroc"), least=0.94),
        Claim("false-alarm rate, furthest from 0.05", max(abs(rate - RATE) for rate in rates), most=0.02),
        Claim("latency added to an answer, share", max(costs), most=0.02),
    ]
    return describe(claims, splits=SPLITS, over_splits=over_splits, served=served, latency_costs=costs)


def _figures(split: Split) -> dict[str, float]:
    own, others = split.own.scores[split.test], split.others.scores
    return {
        "auroc": auroc(own, others),
        "false_alarm_rate": float((own > split.threshold).mean()),
        "detected": float((others > split.threshold).mean()),
    }


def _load(model: Path) -> ServedModel:
    return load_served_model(lambda name: (model / name).read_bytes(), 1, one_photo=True)


def _served(served: ServedModel, photos: list[Pixels]) -> dict[str, Any]:
    """What the endpoint would say of the other set's photos."""
    scores = [
        float(unknown[0])
        for _, unknown in map(served.answers, [[photo] for photo in photos])
        if unknown is not None
    ]
    called = [served.unknown(score)["unknown"] for score in scores]
    return {"precision": served.description.precision, "detected": shorten(statistics.mean(called))}


def _latency_cost(model: Path, photo: Pixels) -> float:
    """The share by which an answer takes longer than one of the same graph without the second output.

    The two in alternation; of each, the tenth of the passes that other programs disturbed least.
    """
    graph = _load(model).graph
    without = graph.model.clone()
    without.remove_result(without.get_results()[1])
    competitors = [graph, Graph(without, 1)]
    passes: list[list[float]] = [[], []]
    for number in range(_ROUNDS):
        for place in (0, 1) if number % 2 else (1, 0):
            began = time.perf_counter()
            competitors[place].run([photo])
            passes[place].append(time.perf_counter() - began)
    with_score, plain = (statistics.mean(sorted(each)[: _ROUNDS // 10]) for each in passes)
    return shorten(with_score / plain - 1)


def _mean(rounds: Any, name: str) -> float:
    return float(statistics.mean(each[name] for each in rounds))
