"""One file a page; PAGES is what the console has, in the order of its navigation."""

from deploy_scripts.console.page import Page
from deploy_scripts.console.pages import (
    ask,
    audit,
    capacity,
    captures,
    data,
    drop,
    overview,
    releases,
    run,
    runs,
    start,
)

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    drop.PAGE,
    runs.PAGE,
    # Before the page of a run, whose address is any name below /runs/.
    start.PAGE,
    run.PAGE,
    releases.PAGE,
    ask.PAGE,
    # Before the runs of data, whose address is any name below /data/.
    captures.PAGE,
    data.PAGE,
    audit.PAGE,
    capacity.PAGE,
)
NAVIGATION = [page for page in PAGES if page.in_navigation]
