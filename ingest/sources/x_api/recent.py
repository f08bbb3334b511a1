"""Recent search: questions in the API's words, pages by the parser that archives use, X's own counts."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from ingest.entities import Captured, Origin
from ingest.entities.tweets.api_objects import parse_v2_page
from ingest.entities.tweets.capture import dig, string
from ingest.runs import SourceError
from ingest.search import UNREADABLE, Answer, Ask, Page
from ingest.search.plan import Interval
from ingest.search.walk import second_of
from ingest.sources.x_api.client import Api, NotAllowed
from ingest.sources.x_api.cost import Bill

log = logging.getLogger(__name__)

# The API refuses what is older than seven days. A question may wait for the quota's next window, 15
# minutes at most, before it is asked.
SECONDS_BACK = 7 * 86_400 - 20 * 60
LEAST_PAGE, PAGE = 10, 100

_SEARCH, _COUNTS = "/2/tweets/search/recent", "/2/tweets/counts/recent"
# What is landed, and no more: every user and post beside the results may cost something.
_FIELDS = {
    "tweet.fields": (
        "author_id,conversation_id,created_at,display_text_range,edit_controls,edit_history_tweet_ids,entities,"
        "in_reply_to_user_id,lang,note_tweet,possibly_sensitive,public_metrics,referenced_tweets,reply_settings,"
        "source,withheld"
    ),
    "user.fields": "public_metrics",
    "expansions": "author_id,referenced_tweets.id,referenced_tweets.id.author_id",
}


class RecentSearch:
    """A ``Fetcher`` over the API. ``max_posts`` is what it may read in all, to the least page."""

    def __init__(self, api: Api, bill: Bill, max_posts: int) -> None:
        """Ask ``api``, and write on ``bill`` what is read."""
        self._api, self._bill, self._max_posts = api, bill, max_posts
        self._terms = ""
        self._question: dict[str, str] = {}
        self._next_token: str | None = None

    def open(self, ask: Ask) -> Answer:
        """Ask anew; the answer holds the first page.

        Raises:
            SourceError: the API does not take the question.
        """
        self._terms, self._question, self._next_token = ask.terms, _question(ask), None
        return self._page()

    def more(self) -> Answer:
        """The next page of what was asked last."""
        return self._page()

    def close(self) -> None:
        """Let go of the connections."""
        self._api.close()

    def _page(self) -> Answer:
        wanted = min(max(self._max_posts - len(self._bill.posts), LEAST_PAGE), PAGE)
        parameters = {**self._question, "sort_order": "recency", "max_results": str(wanted), **_FIELDS}
        if self._next_token:
            parameters["next_token"] = self._next_token
        reply = self._api.ask("GET", _SEARCH, params=parameters)
        if reply.refusal and not self._next_token:
            raise SourceError(f"X's API does not take the search {self._terms!r}: {reply.refusal}")
        if reply.refusal:
            log.warning("the next page is refused: %s", reply.refusal)
            return Answer(fault="next_page_refused", rate=reply.rate)
        if reply.fault or not ("data" in reply.content or "meta" in reply.content):
            return Answer(fault=reply.fault or UNREADABLE, rate=reply.rate)
        self._bill.take(reply.content)
        page = read_page(reply.body, datetime.now(UTC), self._terms)
        self._next_token = page.next_cursor
        if dig(reply.content, "data") and not page.ids:
            log.error("X's answer holds posts, and none that this version can read")
            return Answer(page, UNREADABLE, reply.rate)
        return Answer(page, rate=reply.rate)


def _question(ask: Ask) -> dict[str, str]:
    """``ask`` in times only: the API refuses ids beside them.

    A question that goes on from a post ends with that post's second: the few posts of that second that
    are known already come again, and show that the API answers for that place.
    """
    until = ask.until if ask.max_id is None else min(ask.until, second_of(ask.max_id) + 1)
    return {**_searched(ask.terms, (ask.since, until))}


def _searched(terms: str, window: Interval) -> dict[str, str]:
    since, until = (f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}" for second in window)
    return {"query": f"({terms})", "start_time": since, "end_time": until}


def read_page(body: bytes, observed_at: datetime, terms: str) -> Page:
    """The page in a response's body.

    Raises:
        ValueError: the body is not JSON.
    """
    response = json.loads(body)
    origin = Origin(f"api.x.com{_SEARCH}", observed_at.isoformat())
    items = tuple(parse_v2_page(response, observed_at=observed_at, search_query=terms, origin=origin))
    ids = tuple(int(item.fields["tweet_id"]) for item in items if isinstance(item, Captured))
    return Page(observed_at, body, items, ids, string(dig(response, "meta", "next_token")))


def counted(api: Api, groups: list[str], window: Interval) -> int | str:
    """How many posts the API itself counts in the window, over all groups; or why it does not say.

    Some of them it will not show, such as those of protected accounts.

    Raises:
        AccountStopped: no request with this token will succeed, nor will the search.
    """
    total = 0
    for terms in groups:
        try:
            reply = api.ask("GET", _COUNTS, params={**_searched(terms, window), "granularity": "day"})
        except NotAllowed as error:
            return str(error)
        n = dig(reply.content, "meta", "total_tweet_count")
        if not isinstance(n, int):
            return reply.refusal or reply.fault or UNREADABLE
        total += n
    return total
