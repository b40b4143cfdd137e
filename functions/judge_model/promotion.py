"""Challenger against champion: the rule by which a model goes live, with its reason in one sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.workflow import NotPromoted, PromotionRule
from functions.judge_model.significance import mcnemar_p

Document = Mapping[str, Any]

# Of `significantly_better`: one of twenty models that are no better passes for better.
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Decision:
    """Whether to promote; `status` is what the run ends as when not."""

    promote: bool
    status: NotPromoted | None
    reason: str
    champion_accuracy: float | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class Case:
    """What there is to decide on.

    `metrics` is the challenger's metrics.json. `planned` is the live pointer when the training was planned:
    the champion that the training tried on its own test photos. `live` is the pointer now, and `live_metrics`
    the metrics.json of the live model's run, where it is still there. `live_lost` says why the live
    release cannot be kept, if so.
    """

    metrics: Document
    min_accuracy: float
    rule: PromotionRule
    force: bool
    planned: Document | None
    live: Document | None
    live_metrics: Document | None
    live_lost: str | None = None


def decide(case: Case) -> Decision:
    """The rules; the first that fits decides.

    Forced, below the minimum, nothing live, the live release lost, what `rule` says of the two.
    """
    accuracy = case.metrics["accuracy"]
    if case.force:
        return Decision(True, None, f"promotion was forced; the accuracy is {accuracy:.4f}")
    if accuracy < case.min_accuracy:
        reason = f"the accuracy {accuracy:.4f} is below the minimum of {case.min_accuracy:.4f} for this run"
        return Decision(False, "champion_kept" if case.live else "rejected", reason)
    if not case.live:
        return Decision(True, None, f"the first release: nothing is live, and the accuracy is {accuracy:.4f}")
    if case.live_lost:
        reason = (
            f"{case.live_lost}, so this one is judged as a first release is and goes live; "
            f"the accuracy is {accuracy:.4f}"
        )
        return Decision(True, None, reason)
    why_not_tried = _why_not_tried(case, case.live)
    return _by_record(case, case.live, why_not_tried) if why_not_tried else _side_by_side(case)


def _why_not_tried(case: Case, live: Document) -> str | None:
    """Why the training's own comparison does not tell about the live model; None when it does."""
    comparison = case.metrics["champion"]
    if not case.planned or case.planned["release"] != live["release"]:
        return "another release went live while this one was trained"
    if comparison is None:
        return "the training did not try the live model"
    if not comparison["comparable"]:
        return f"the live model could not be tried beside this one ({comparison['reason']})"
    return None


def _passes(
    rule: PromotionRule, accuracy: float, champion_accuracy: float, p_value: float | None = None
) -> bool:
    """Whether the challenger goes live; `p_value` None: it is not known which photos each gets right."""
    if rule == "not_worse":
        return accuracy >= champion_accuracy
    better = accuracy > champion_accuracy
    return better and (rule == "better" or (p_value is not None and p_value < SIGNIFICANCE))


def _side_by_side(case: Case) -> Decision:
    """Both were tried on the same photos by the training."""
    metrics, comparison = case.metrics, case.metrics["champion"]
    ours, theirs = comparison["challenger_only_right"], comparison["champion_only_right"]
    accuracy, champion_accuracy = metrics["accuracy"], comparison["accuracy"]
    p_value = mcnemar_p(ours, theirs)
    passes = _passes(case.rule, accuracy, champion_accuracy, p_value)
    rule = case.rule.replace("_", " ")
    # "not not worse" is "worse".
    word = rule if passes else rule.removeprefix("not ") if rule.startswith("not ") else f"not {rule}"
    reason = (
        f"{word} than the live model on the same {metrics['images']['test']} "
        f"test photos: {accuracy:.4f} against {champion_accuracy:.4f} ({ours} that only this one gets right, "
        f"{theirs} that only the live one does; exact McNemar p = {p_value:.3g})"
    )
    return Decision(passes, None if passes else "champion_kept", reason, champion_accuracy, p_value)


def _by_record(case: Case, live: Document, why: str) -> Decision:
    """The live model's own record counts, if it is of the same test photos."""
    accuracy, record, release = case.metrics["accuracy"], case.live_metrics, live["release"]
    if record is None:
        return Decision(True, None, f"{why}; {release} has no metrics on record, so this one goes live")
    if record["test_split_sha256"] != case.metrics["test_split_sha256"]:
        return Decision(True, None, f"{why}; {release} was tested on other photos, so this one goes live")
    recorded = record["accuracy"]
    reason = f"{why}; on the same test photos {release} has {recorded:.4f} on record, this one {accuracy:.4f}"
    promote = _passes(case.rule, accuracy, recorded)
    if case.rule == "significantly_better":
        reason += ", which does not tell whether that is chance: dropserve run compares them photo by photo"
    else:
        reason += f"; the rule is {case.rule}"
    return Decision(promote, None if promote else "champion_kept", reason, recorded)
