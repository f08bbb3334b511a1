"""Posts from X's official API: recent search, with a bearer token, for money.

    slices of time ─> /2/tweets/search/recent ─> posts (entity tweets)
    --compliance: ids of landed posts ─> /2/compliance/jobs ─> deletions (entity purges)

Excluded: nested_quote, nested_retweet, referenced_tweet, duplicate_in_response; of a compliance run,
already_purged, scrub_geo. Quarantined: no_id, no_text; unknown_action.
"""

from __future__ import annotations

import argparse
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from config import Settings, settings
from ingest.entities import Item
from ingest.runs import Checkpoint, Run
from ingest.search import Fetcher
from ingest.search.collect import Site, Wanted, at_least_one, collect, hours, wanted
from ingest.search.plan import slices
from ingest.sources.x_api import compliance
from ingest.sources.x_api.client import Api, bearer_token
from ingest.sources.x_api.cost import Bill, estimate
from ingest.sources.x_api.recent import LEAST_PAGE, PAGE, SECONDS_BACK, RecentSearch, counted, read_page

__all__ = ["HELP", "LOG", "add_arguments", "explain", "items"]

HELP = "posts from X's official API, with a bearer token (X charges for each); deletions that it reports"
LOG = "x_api"
ONCE = ("--refresh",)
SITE = "https://api.x.com"

log = logging.getLogger(__name__)

# A search must end ten seconds before now, or the API refuses it.
_NEWEST_SECONDS = 15


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to collect; everything else is a setting."""
    config = settings()
    parser.add_argument(
        "--hours", type=hours, default=config.x_hours, metavar="H",
        help="how far back, at most seven days (default %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--max-posts", type=at_least_one, default=config.x_target_posts, metavar="N",
        help=f"read no more than N posts, to the next {LEAST_PAGE} (default %(default)d)",
    )  # fmt: skip
    parser.add_argument(
        "--refresh", action="store_true",
        help="ask and pay again for what has been collected before, to see how its counts have grown",
    )  # fmt: skip
    parser.add_argument(
        "--compliance", action="store_true",
        help="collect nothing; ask X which of the landed posts are gone, and purge those",
    )  # fmt: skip
    parser.add_argument(
        "--site", default=SITE, metavar="URL",
        help="where the API is; your token goes there (default %(default)s)",
    )  # fmt: skip


def items(arguments: argparse.Namespace, run: Run) -> Iterator[Item | Checkpoint]:
    """Every record of the window that was not collected before; see ``ingest.search.collect``.

    With ``--compliance``, a purge for every landed post that X reports gone.
    """
    token = bearer_token(run.settings)
    api = run.at_end.enter_context(closing(Api(run.settings, token, arguments.site)))
    if arguments.compliance:
        yield from compliance.items(run, api, token.account)
        return
    want, bill = _wanted(arguments, run.settings), Bill()
    if arguments.hours * 3600 > SECONDS_BACK:
        run.notes.append("The API goes back seven days; what is older was not asked for.")
    print(_estimate(run.settings, arguments.max_posts, want, api), flush=True)

    def connect(stop: threading.Event) -> Fetcher:
        del stop  # a request ends by itself, within MARKET_INTEL_X_ANSWER_SECONDS
        return RecentSearch(api, bill, arguments.max_posts)

    # One worker: a page leads to the next, the quota sets the pace, and no post is paid for above the limit.
    site = Site("x_api", token.account, connect, read_page, 1, SECONDS_BACK, has_pauses=False)
    try:
        yield from collect(run, site, want)
    finally:
        if bill.posts:
            run.notes.append(bill.line(run.settings))
            log.info("%s", run.notes[-1])


def _wanted(arguments: argparse.Namespace, config: Settings) -> Wanted:
    """What to collect, as far back and as close to now as the API can be asked."""
    want = wanted(config, arguments.hours, arguments.max_posts, refresh=arguments.refresh)
    now = int(time.time())
    since, until = want.window
    return replace(want, window=(max(since, now - SECONDS_BACK), min(until, now - _NEWEST_SECONDS)))


def _estimate(config: Settings, max_posts: int, want: Wanted, api: Api) -> str:
    known = counted(api, want.groups, want.window)
    if isinstance(known, str):
        return f"{estimate(config, max_posts)} (X did not count them: {known})"
    # That nothing is missing is seen by posts that are older than the window, a page of them at most.
    most = known + PAGE * len(want.groups)
    return f"X counts {known:,} posts in this window. {estimate(config, max_posts, most)}"


def explain(arguments: argparse.Namespace) -> str:
    """The window of an empty root and what it costs; where there is a token, by X's own count.

    That count is a request to the API for each group of terms, and X charges a post's price for it.
    """
    config = settings()
    if arguments.compliance:
        return f"{len(compliance.held_ids(config)):,} ids of landed posts would be sent to X."
    want = _wanted(arguments, config)
    cut = slices(want.window, config.x_session_slice_minutes, config.x_overnight_slice_minutes)
    since, until = (time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(second)) for second in want.window)
    lines = [f"{terms}: {len(cut)} slices from {since} to {until}" for terms in want.groups]
    if config.x_bearer_token:
        with closing(Api(config, bearer_token(config), arguments.site)) as api:
            lines.append(_estimate(config, arguments.max_posts, want, api))
    else:
        lines.append(estimate(config, arguments.max_posts))
    lines.append(
        f"A request gives {PAGE} posts. X says how many it allows in 15 minutes, of which"
        f" {config.x_reserve_requests} are left unused."
    )
    return "\n".join(lines)
