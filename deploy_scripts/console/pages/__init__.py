"""One file a page; PAGES is what the console has, in the order of its navigation."""

from deploy_scripts.console.page import Page
from deploy_scripts.console.pages import drop, overview, run, runs, start

PAGES: tuple[Page, ...] = (overview.PAGE, drop.PAGE, runs.PAGE, start.PAGE, run.PAGE)
NAVIGATION = [page for page in PAGES if page.in_navigation]
