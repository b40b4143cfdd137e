"""drift.html: the reviews for people, one file, read without network or JavaScript."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from drops.text import printable
from functions.drift_review.charts import draw_bars, draw_line
from functions.drift_review.comparison import FALSE_ALARMS_A_DAY, LEAST_RANK_EFFECT, LEVEL

_TEMPLATE = Path(__file__).with_name("page_template.html")
_TITLES = {
    "unknown": ("Unknown photos", "share of the answers"),
    "confidence": ("Confidence", "more sure upwards, less sure downwards"),
    "unknown_score": ("Unlike the training photos", "less alike upwards"),
}


def render_page(reviews: Sequence[Mapping[str, Any]]) -> str:
    """Of reviews by schemas/drift_review.schema.json, the oldest first; every value is made safe to show."""
    newest = reviews[-1] if reviews else None
    verdict, kind, details = _verdict(newest)
    judged = [each for each in reviews if each["drifted"] is not None]
    return _template().substitute(
        lead=_text(f"Release {newest['release']}, run {newest['run_id']}." if newest else "No review yet."),
        verdict=_text(verdict),
        verdict_class=kind,
        details=_text(details),
        charts=_join(_chart(name, judged) for name in _TITLES),
        histograms=_join(_histogram(each) for each in (judged[-1]["statistics"] if judged else [])),
        rows=_join(_row(each) for each in reversed(reviews)),
        least_rank=f"{LEAST_RANK_EFFECT:.2f}",
        level=f"{LEVEL:.2%}",
        days_a_false_alarm=f"{1 / FALSE_ALARMS_A_DAY:,.0f}",
    )


@cache
def _template() -> Template:
    return Template(_TEMPLATE.read_text(encoding="utf-8"))


def _verdict(newest: Mapping[str, Any] | None) -> tuple[str, str, str]:
    if newest is None:
        return "Nothing was reviewed yet", "", ""
    day = newest["day"]
    if newest["drifted"] is None:
        return f"{day}: nothing can be told", "", newest["reason"]
    if not newest["drifted"]:
        details = f"{newest['answers']:,} answers are like those for the held-out photos."
        return f"{day}: no drift", "good", details
    names = [_TITLES[each["name"]][0].lower() for each in newest["statistics"] if each["drifted"]]
    return f"{day}: the photos have drifted", "bad", f"By: {', '.join(names)}{_retraining(newest)}."


def _retraining(review: Mapping[str, Any]) -> str:
    done = review["retraining"]
    if done is None:
        return ""
    return "; a training was started" if done["started"] else f"; no training was started: {done['reason']}"


def _chart(name: str, judged: Sequence[Mapping[str, Any]]) -> str:
    """Day by day; of bins the effect, of unknown photos their share, each with the band of no drift."""
    found = [(each["day"], statistic) for each in judged if (statistic := _statistic(each, name))]
    if not found:
        return ""
    values = [_value(statistic) for _, statistic in found]
    last = found[-1][1]
    middle = _share(last["reference"]) if name == "unknown" else 0.0
    low = middle if name == "unknown" else -last["least_effect"]
    svg = draw_line(
        [day for day, _ in found],
        values,
        [statistic["drifted"] for _, statistic in found],
        band=(0.0 if name == "unknown" else low, middle + last["least_effect"]),
        span=(0.0, 1.0) if name == "unknown" else (-0.5, 0.5),
    )
    return _figure(name, svg)


def _histogram(statistic: Mapping[str, Any]) -> str:
    name = statistic["name"]
    labels = ["known", "unknown"] if name == "unknown" else ["lowest", "", "", "", "highest"]
    shares = [[count / sum(statistic[side]) for count in statistic[side]] for side in ("reference", "day")]
    return _figure(name, draw_bars(labels, *shares))


def _figure(name: str, svg: str) -> str:
    title, what = _TITLES[name]
    return f"<figure><figcaption>{title}<small>{what}</small></figcaption>{svg}</figure>"


def _row(review: Mapping[str, Any]) -> str:
    cells = [_shown(_statistic(review, name)) for name in ("unknown", "confidence", "unknown_score")]
    least = min((each["p_value"] for each in review["statistics"]), default=None)
    what = review["reason"] or ("drift" if review["drifted"] else "no drift") + _retraining(review)
    drifted = ' class="bad"' if review["drifted"] else ""
    return (
        f"<tr{drifted}><td>{_text(review['day'])}</td><td>{review['answers']:,}</td>{_join(cells)}"
        f'<td>{"" if least is None else f"{least:.2g}"}</td><td class="what">{_text(what)}</td></tr>'
    )


def _shown(statistic: Mapping[str, Any] | None) -> str:
    if statistic is None:
        return "<td></td>"
    value = _value(statistic)
    text = f"{value:.1%}" if statistic["name"] == "unknown" else f"{value:+.2f}"
    return f'<td><b class="bad">{text}</b></td>' if statistic["drifted"] else f"<td>{text}</td>"


def _value(statistic: Mapping[str, Any]) -> float:
    return _share(statistic["day"]) if statistic["name"] == "unknown" else float(statistic["effect"])


def _share(known_and_unknown: Sequence[int]) -> float:
    return known_and_unknown[1] / sum(known_and_unknown)


def _statistic(review: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    return next((each for each in review["statistics"] if each["name"] == name), None)


def _text(value: object) -> str:
    return escape(printable(value), quote=True)


def _join(parts: Iterable[str]) -> str:
    return "".join(parts)
