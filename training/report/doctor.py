"""What the doctor found, as sections of the report and as a page of its own."""

from itertools import groupby
from typing import Any

from training.doctor.kinds import CLASS_KINDS, PHOTO_KINDS
from training.report.markup import name, page, section, table, text

_MAX_SHOWN = 12


def render_doctor_page(document: dict[str, Any]) -> str:
    """doctor.json's content as a page; its pictures are in it."""
    counts = document["photos"]
    photos = f"{sum(counts.values())} photos of {len(document['classes'])} classes"
    header = f"<header><p>{text(document['run_id'])}</p><h1>Data doctor</h1><p>{photos}</p></header>"
    return page(f"Data doctor: {photos}", [header, *render_doctor(document)])


def render_doctor(document: dict[str, Any]) -> list[str]:
    """A section for each kind of finding, or one that says that there is none."""
    counts, sections = document["counts"], []
    for kind, found in groupby(document["photo_findings"], key=lambda each: each["kind"]):
        figures = "".join(_figure(each) for each in list(found)[:_MAX_SHOWN])
        sections.append(section(_title(kind, counts), PHOTO_KINDS[kind].advice, figures, "mistakes"))
    for kind, found in groupby(document["class_findings"], key=lambda each: each["kind"]):
        rows = "".join(f"<tr><td>{text(each['why'])}</td></tr>" for each in found)
        heads = ["Why"]
        sections.append(section(_title(kind, counts), CLASS_KINDS[kind].advice, table(heads, rows)))
    if sections:
        return sections
    return [section("Data doctor", "Nothing seems to be wrong with the photos and their labels.", "")]


def _title(kind: str, counts: dict[str, int]) -> str:
    title = (PHOTO_KINDS.get(kind) or CLASS_KINDS[kind]).title
    shown = min(_MAX_SHOWN, counts[kind]) if kind in PHOTO_KINDS else counts[kind]
    more = f", the first {shown} of them shown; all are in review.csv" if shown < counts[kind] else ""
    return f"{title}: {counts[kind]}{more}"


def _figure(finding: dict[str, Any]) -> str:
    pictures = "".join(
        f'<img alt="" src="data:image/jpeg;base64,{text(finding[field])}">'
        for field in ("thumbnail", "like_thumbnail")
        if finding[field]
    )
    suggested = finding["suggested_label"]
    becomes = f" &rarr; <b>{name(suggested)}</b>" if suggested else ""
    return (
        f"<figure>{pictures}<figcaption>{name(finding['label'])}{becomes}<br>{text(finding['why'])}"
        f"<small>{name(finding['photo'])} ({text(finding['split'])})</small></figcaption></figure>"
    )
