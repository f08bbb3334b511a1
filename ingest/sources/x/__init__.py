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
from ingest.search.collect import Site, at_least_one, collect, hours, planned_intervals, wanted
from ingest.sources.x.browser import Browser, find_chrome
from ingest.sources.x.leftovers import Leftovers
from ingest.sources.x.responses import read_page
from ingest.sources.x.session import session

__all__ = ["HELP", "LOG", "ONCE", "add_arguments", "explain", "items"]

HELP = "posts from X's search, by browser and with your own session"
LOG = "scraper"
ONCE = ("--refresh",)
SITE = "https://x.com"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to collect; everything else is a setting."""
    parser.add_argument(
        "--hours", type=hours, default=settings().x_hours, metavar="H",
        help="how far back (default %(default)g)",
    )  # fmt: skip
    parser.add_argument("--max-posts", type=at_least_one, metavar="N", help="stop after about N posts")
    parser.add_argument(
        "--refresh", action="store_true",
        help="ask again for what has been collected before, to see how its counts have grown",
    )  # fmt: skip
    parser.add_argument(
        "--site",
        default=SITE,
        type=_address,
        metavar="URL",
        help="where X is; your cookies go there (default %(default)s)",
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
    """The slices that are to be walked, oldest first, and the least that they cost."""
    config = settings()
    session(config)
    want = wanted(config, arguments.hours, arguments.max_posts, refresh=arguments.refresh)
    lines, n_slices = [], 0
    for terms, intervals in planned_intervals(config, "x", want).items():
        lines.append(f"{terms}: {len(intervals)} slices that are not complete, in UTC")
        lines += [f"  {_told(since)} to {_told(until)}" for since, until in intervals]
        n_slices += len(intervals)
    target = want.max_posts or config.x_target_posts
    requests = max(-(-target // 20), n_slices) if n_slices else 0
    a_window = max(50 - config.x_reserve_requests, 1)
    lines.append(
        f"{target:,} posts in {n_slices} slices are at least {requests:,} requests of 20 posts each; at"
        f" {a_window} requests in 15 minutes (X allows about 50), {15 * (requests // a_window)} minutes"
        " or more."
    )
    return "\n".join(lines)


def _address(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise argparse.ArgumentTypeError(f"{text!r} must start with https:// or http://")
    return text


def _told(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%SZ}"
