"""One believable trading day of Indian market chatter, bundled and seeded: no account, no network.

    market (a price path) → posts (who says what about it) → capture (what a browser would have seen)

The responses go through the same parser as real ones. All people, companies and links are invented.
Equal arguments give equal bytes on every machine.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import date, datetime

from ingest.entities import Captured, Item, Origin
from ingest.entities.price_bars.schema import ENTITY as PRICE_BARS
from ingest.entities.tweets.payload import parse_search_response
from ingest.runs import Run, SourceError
from ingest.sources.demo.capture import Page, pages
from ingest.sources.demo.market import bars

__all__ = ["Page", "bars", "pages", "records"]

HELP = "a bundled, seeded day of invented posts and prices"

SEED = 7
POSTS = 3500
FEWEST_POSTS = 150
# A Thursday without an exchange holiday: in 2026 Diwali's Balipratipada is on 10 November, Guru Nanak
# Jayanti on 24 November.
TRADING_DATE = date(2026, 11, 19)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to generate; the defaults are the documented day."""
    parser.add_argument("--seed", type=int, default=SEED, help=f"another day's chatter (default {SEED})")
    parser.add_argument("--posts", type=int, default=POSTS, help=f"how many posts (default {POSTS})")
    parser.add_argument(
        "--date", type=date.fromisoformat, default=TRADING_DATE, help=f"trading date (default {TRADING_DATE})"
    )


def items(arguments: argparse.Namespace, run: Run) -> Iterator[Item]:
    """Every record of the day that the arguments ask for."""
    del run  # records are counted as they come, and a day takes seconds
    return records(seed=arguments.seed, trading_date=arguments.date, posts=arguments.posts)


def records(*, seed: int = SEED, trading_date: date | None = None, posts: int = POSTS) -> Iterator[Item]:
    """Sightings of posts in the order of capture, then price bars.

    ``posts`` is how many distinct posts can be read; about 1.4 times as many sightings follow.
    SourceError for a weekend, or for fewer posts than show everything a day holds.
    """
    day = trading_date or TRADING_DATE
    if day.weekday() > 4:
        raise SourceError(f"{day} is a weekend; the demo needs a trading date.")
    if posts < FEWEST_POSTS:
        raise SourceError(f"{posts} posts do not show everything a day holds; the demo needs {FEWEST_POSTS}.")
    return _records(seed, day, posts)


def _records(seed: int, day: date, posts: int) -> Iterator[Item]:
    source = f"demo-{seed}-{day}"
    for number, page in enumerate(pages(seed, day, posts)):
        yield from parse_search_response(
            page.response,
            observed_at=page.observed_at,
            search_query=page.search_query,
            origin=Origin(source, f"page {number}"),
        )
    for number, bar in enumerate(bars(seed, day)):
        payload = json.dumps(
            bar, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=datetime.isoformat
        )
        yield Captured(PRICE_BARS, bar, payload.encode(), Origin(source, f"bar {number}"))
