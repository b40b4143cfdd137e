"""The captured photos that wait for a review, as a page; its pictures are in it."""

from collections.abc import Iterable

from training.report.markup import data_uri, name, page, section, text


def render_captures_page(photos: Iterable[tuple[str, str, str, bytes]], total: int) -> str:
    """A page of (name in review.csv, label that the model gave, why, JPEG): the first ones of `total`."""
    figures = [
        f'<figure><img alt="" src="{data_uri("image/jpeg", picture)}"><figcaption>{name(label)}<br>'
        f"{text(why)}<small>{name(file)}</small></figcaption></figure>"
        for file, label, why, picture in photos
    ]
    title = f"Photos to review: {total}"
    lead = "Say in review.csv what each is: relabel with its class, drop, or keep for later."
    if total > len(figures):
        lead += f" These are the {len(figures)} that the model was least sure about; review.csv has all."
    return page(
        title, [f"<header><h1>{text(title)}</h1></header>", section("", lead, "".join(figures), "mistakes")]
    )
