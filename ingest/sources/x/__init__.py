"""Posts from X's search page, through a browser and the user's own session.

    slices of time ─> search page ─> its SearchTimeline responses ─> posts (entity tweets)

Excluded: promoted_entry, nested_quote, nested_retweet, duplicate_in_response, tombstone, unavailable,
preview. Quarantined: no_timeline, malformed_entry, no_id, no_text.

X's terms forbid collecting without consent: see "Data and the law" in the README before using this.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from config import settings
from ingest.entities import Item
from ingest.runs import Checkpoint, Run
from ingest.search import Fetcher
from ingest.search.collect import Site, collect, wanted
from ingest.search.plan import by_density, slices
from ingest.sources.x.browser import Browser, find_chrome
from ingest.sources.x.leftovers import Leftovers
from ingest.sources.x.responses import read_page
from ingest.sources.x.session import session

__all__ = ["HELP", "LOG", "add_arguments", "explain", "items"]

HELP = "posts from X's search, by browser and with your own session"
LOG = "scraper"
SITE = "https://x.com"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to collect; everything else is a setting."""
    parser.add_argument(
        "--hours", type=float, default=settings().x_hours, metavar="H",
        help="how far back (default %(default)g)",
    )  # fmt: skip
    parser.add_argument("--max-posts", type=int, metavar="N", help="stop after about N posts")
    parser.add_argument(
        "--refresh", action="store_true",
        help="ask again for what has been collected before, to see how its counts have grown",
    )  # fmt: skip
    parser.add_argument(
        "--site", default=SITE, metavar="URL", help="where X is; your cookies go there (default %(default)s)"
    )


def items(arguments: argparse.Namespace, run: Run) -> Iterator[Item | Checkpoint]:
    """Every record of the window that was not collected before; see ``ingest.search.collect``."""
    own = session(run.settings)
    find_chrome(run.settings)
    leftovers = Leftovers(run.settings)
    leftovers.sweep()

    def connect(stop: threading.Event) -> Fetcher:
        return Browser(run.settings, own, arguments.site, leftovers, stop)

    site = Site("x", own.account, connect, read_page, run.settings.x_browsers)
    want = wanted(run.settings, arguments.hours, arguments.max_posts, refresh=arguments.refresh)
    yield from collect(run, site, want)


def explain(arguments: argparse.Namespace) -> str:
    """The slices of an empty root, in the order in which they would be walked, and what they cost."""
    config = settings()
    want = wanted(config, arguments.hours, arguments.max_posts, refresh=arguments.refresh)
    cut = slices(want.window, config.x_session_slice_minutes, config.x_overnight_slice_minutes)
    lines = [f"{terms}: {len(cut)} slices" for terms in want.groups]
    for since, until in sorted(cut, key=by_density):
        lines.append(f"  {_told(since)} to {_told(until)}")
    target = want.max_posts or config.x_target_posts
    requests = -(-target // 20) + len(want.groups)
    lines.append(
        f"{target:,} posts are at least {requests:,} requests at 20 posts each; X allows about 50 in 15"
        f" minutes, of which {config.x_reserve_requests} are left unused."
    )
    return "\n".join(lines)


def _told(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%SZ}"
