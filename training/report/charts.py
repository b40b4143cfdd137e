"""The report's pictures, as SVG text: they stay sharp and need no file beside the page."""

import io
import warnings
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from drops.text import printable
from training.models.head import Epoch

TRAIN_COLOUR = "#94a3b8"
VALID_COLOUR = "#4f46e5"
_BEST_COLOUR = "#f59e0b"
# Above this, numbers and names in the cells are unreadable: colour alone speaks.
_MAX_LABELLED_CLASSES = 25

# Typed loosely: matplotlib types its keys as 300 literals.
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": "#cbd5e1",
    "axes.labelcolor": "#475569",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": "#475569",
    "ytick.color": "#475569",
    "axes.grid": True,
    "grid.color": "#eef2f7",
    "axes.axisbelow": True,
    "legend.frameon": False,
    # Class names are strangers' text: a dollar sign in one is no formula.
    "text.parse_math": False,
    # Text stays text: the browser has fonts for scripts that matplotlib's own font lacks.
    "svg.fonttype": "none",
    # Element ids come from this salt, so that the same run draws the same bytes.
    "svg.hashsalt": "dropserve",
}


def draw_learning_curve(history: list[Epoch], best_epoch: int) -> str:
    """Loss and accuracy by epoch, training and validation; the epoch that was kept is marked."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9.2, 3.1), layout="constrained")
        loss, accuracy = figure.subplots(1, 2)
        _draw_curves(loss, "Loss (cross-entropy)", history, "loss", best_epoch)
        _draw_curves(accuracy, "Accuracy", history, "accuracy", best_epoch)
        accuracy.yaxis.set_major_formatter(PercentFormatter(1.0))
        loss.legend(loc="best")
        return _svg(figure)


def draw_confusion_matrix(matrix: list[list[int]], classes: list[str]) -> str:
    """Rows are true classes, columns predicted ones; a cell's colour is its share of the row."""
    counts = np.array(matrix)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    labelled = len(classes) <= _MAX_LABELLED_CLASSES
    side = max(3.4, 0.5 * len(classes) + 1.6) if labelled else 8.0
    with mpl.rc_context({**_STYLE, "axes.grid": False, "axes.spines.top": True, "axes.spines.right": True}):
        figure = Figure(figsize=(side + 1, side), layout="constrained")
        axes = figure.subplots()
        image = axes.imshow(shares, cmap="Purples", vmin=0, vmax=1)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        if labelled:
            _label_cells(axes, counts, shares, classes)
        figure.colorbar(image, ax=axes, shrink=0.75, format=PercentFormatter(1.0)).outline.set_visible(False)
        return _svg(figure)


def draw_reliability(before: list[dict[str, float]], after: list[dict[str, float]]) -> str:
    """Accuracy by confidence, as scored and at the temperature; a dot's area is its share of the photos."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9.2, 3.4), layout="constrained")
        scored, tempered = figure.subplots(1, 2, sharey=True)
        _draw_bins(scored, "As scored", before)
        _draw_bins(tempered, "At the temperature", after)
        scored.set_ylabel("share that was right")
        return _svg(figure)


def _draw_bins(axes: Axes, title: str, bins: list[dict[str, float]]) -> None:
    filled = [part for part in bins if part["count"]]
    total = sum(part["count"] for part in filled)
    confidence, accuracy = ([part[key] for part in filled] for key in ("confidence", "accuracy"))
    axes.plot([0, 1], [0, 1], color=TRAIN_COLOUR, linestyle=":", linewidth=1.6)
    axes.vlines(confidence, accuracy, confidence, color=_BEST_COLOUR, linewidth=2)
    areas = [900 * part["count"] / total + 12 for part in filled]
    axes.scatter(confidence, accuracy, s=areas, color=VALID_COLOUR, alpha=0.85, zorder=3)
    axes.set_title(title, loc="left", fontsize=10, color="#0f172a")
    axes.set_xlabel("probability given")
    axes.set(xlim=(0, 1.1), ylim=(-0.1, 1.1))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))


def _draw_curves(axes: Axes, title: str, history: list[Epoch], figure: str, best_epoch: int) -> None:
    epochs = [epoch.epoch for epoch in history]
    marker = "o" if len(epochs) == 1 else None
    for split, colour in (("train", TRAIN_COLOUR), ("valid", VALID_COLOUR)):
        values = [epoch.figures()[f"{split}_{figure}"] for epoch in history]
        axes.plot(epochs, values, color=colour, linewidth=2, marker=marker, label=split)
    axes.axvline(best_epoch, color=_BEST_COLOUR, linestyle=":", linewidth=1.6, label=f"kept: {best_epoch}")
    axes.set_title(title, loc="left", fontsize=10, color="#0f172a")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _label_cells(
    axes: Axes, counts: NDArray[np.int64], shares: NDArray[np.float64], classes: list[str]
) -> None:
    names = [printable(name, 24) for name in classes]
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.55 else "#1e1b4b"
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=8)


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue()
