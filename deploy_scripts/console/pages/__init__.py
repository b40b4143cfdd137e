"""One file a page; PAGES is what the console has, in the order of its navigation."""

from deploy_scripts.console.page import Page
from deploy_scripts.console.pages import ask, audit, captures, data, drop, overview, releases, run, runs

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    drop.PAGE,
    runs.PAGE,
    run.PAGE,
    releases.PAGE,
    ask.PAGE,
    # Before the runs of data, whose address has any name there.
    captures.PAGE,
    data.PAGE,
    audit.PAGE,
)
NAVIGATION = [page for page in PAGES if page.in_navigation]
