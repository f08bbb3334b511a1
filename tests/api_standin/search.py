"""What a search is answered: which requests are valid, which posts match, what comes with them."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from tests.api_standin.corpus import Corpus, Record, second_of

SECONDS_BACK = 7 * 86_400
NEWEST_SECONDS = 10

_PARAMETERS = {
    "query", "start_time", "end_time", "since_id", "until_id", "max_results", "next_token", "sort_order",
    "tweet.fields", "user.fields", "expansions", "granularity",
}  # fmt: skip
_FIELDS = {
    "tweet.fields": (
        "article attachments author_id card_uri context_annotations conversation_id created_at"
        " display_text_range edit_controls edit_history_tweet_ids entities geo id in_reply_to_user_id lang"
        " media_metadata note_tweet possibly_sensitive public_metrics referenced_tweets reply_settings scopes"
        " source text withheld"
    ),
    "user.fields": "created_at description id name protected public_metrics username verified verified_type",
    "expansions": (
        "author_id attachments.media_keys edit_history_tweet_ids geo.place_id in_reply_to_user_id"
        " entities.mentions.username referenced_tweets.id referenced_tweets.id.author_id"
    ),
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Refused(Exception):
    """The request is invalid; the message says why."""


@dataclass(frozen=True)
class Question:
    """What a request asks for, without its page."""

    words: tuple[str, ...]
    since: int
    until: int
    since_id: int
    until_id: int


def question(parameters: dict[str, str], now: float) -> Question:
    """Read a request's question; raises Refused as X does."""
    if unknown := parameters.keys() - _PARAMETERS:
        raise Refused(f"The query parameter [{min(unknown)}] is not one of [{','.join(sorted(_PARAMETERS))}]")
    if parameters.keys() & {"since_id", "until_id"} and parameters.keys() & {"start_time", "end_time"}:
        raise Refused(
            "Invalid use of 'since_id' or 'until_id' in conjunction with 'start_time' or 'end_time'."
        )
    for name, known in _FIELDS.items():
        for field in filter(None, parameters.get(name, "").split(",")):
            if field not in known.split():
                raise Refused(f"The `{name}` query parameter value [{field}] is not one of [{known}]")
    since = _moment(parameters, "start_time", int(now - SECONDS_BACK) + 1)
    until = _moment(parameters, "end_time", int(now - 30))
    if since < now - SECONDS_BACK:
        raise Refused(
            f"Invalid 'start_time':'{parameters['start_time']}'. 'start_time' must be on or after …"
        )
    if until > now - NEWEST_SECONDS:
        raise Refused(
            f"Invalid 'end_time':'{parameters['end_time']}'. 'end_time' must be a minimum of 10 seconds prior"
            " to the request time."
        )
    if since >= until:
        raise Refused("Invalid 'start_time'. 'start_time' must be before 'end_time'")
    return Question(
        _words(parameters.get("query", "")),
        since,
        until,
        int(parameters.get("since_id", 0)),
        int(parameters.get("until_id", 1 << 63)),
    )


def _moment(parameters: dict[str, str], name: str, otherwise: int) -> int:
    if name not in parameters:
        return otherwise
    if not _TIME.fullmatch(parameters[name]):
        raise Refused(f"Invalid '{name}':'{parameters[name]}'. '{name}' must be in YYYY-MM-DDTHH:mm:ssZ")
    return int(datetime.strptime(parameters[name], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


def _words(query: str) -> tuple[str, ...]:
    if not 1 <= len(query) <= 512:
        raise Refused("The `query` must be 1 to 512 characters long")
    inner = query[1:-1] if query.startswith("(") and query.endswith(")") else query
    words = tuple(word.strip().lower() for word in inner.split(" OR "))
    for word in words:
        if not re.fullmatch(r"#?\w+", word):
            raise Refused(
                f"There were errors processing your request: no viable alternative at input '{word}'"
            )
    return words


class Search:
    """Answers questions about a corpus, page by page."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self._tokens: dict[str, tuple[Question, int]] = {}
        self._numbers = count(1)

    def matching(self, asked: Question) -> list[int]:
        """Ids of the posts that match, newest first."""
        tags = {word[1:] for word in asked.words if word.startswith("#")}
        return [
            tweet_id
            for tweet_id, post in self.corpus.posts.items()
            if asked.since <= second_of(tweet_id) < asked.until
            and asked.since_id < tweet_id < asked.until_id
            and (
                tags & self.corpus.tags[tweet_id] or any(word in post["text"].lower() for word in asked.words)
            )
        ]

    def page(self, asked: Question, parameters: dict[str, str]) -> Record:
        """One page as X writes it."""
        size = int(parameters.get("max_results", 10))
        if not 10 <= size <= 100:
            raise Refused(f"The `max_results` query parameter value [{size}] is not between 10 and 100")
        ids = self.matching(asked)
        if parameters.get("sort_order", "recency") != "recency":
            ids.sort(key=lambda tweet_id: -self.corpus.posts[tweet_id]["public_metrics"]["like_count"])
        if token := parameters.get("next_token"):
            known = self._tokens.get(token)
            if known is None or known[0] != asked:
                raise Refused(f"Invalid 'next_token':'{token}'")
            ids = ids[ids.index(known[1]) + 1 :]
        shown = ids[:size]
        if not shown:
            return {"meta": {"result_count": 0}}
        meta = {"newest_id": str(max(shown)), "oldest_id": str(min(shown)), "result_count": len(shown)}
        if len(ids) > len(shown):
            meta["next_token"] = f"b26v89c19zqg8o3f{next(self._numbers):08x}"
            self._tokens[meta["next_token"]] = (asked, shown[-1])
        return self._full(shown, parameters) | {"meta": meta}

    def _full(self, ids: list[int], parameters: dict[str, str]) -> Record:
        """Posts with the fields that were asked for, and what was asked to come with them."""
        expansions = set(parameters.get("expansions", "").split(","))
        posts = [self.corpus.posts[tweet_id] for tweet_id in ids]
        users = {post["author_id"] for post in posts} if "author_id" in expansions else set()
        others: dict[str, Record] = {}
        errors = []
        if "referenced_tweets.id" in expansions:
            for post in posts:
                for reference in post.get("referenced_tweets", ()):
                    if other := self.corpus.others.get(reference["id"]):
                        others[other["id"]] = other
                    else:
                        errors.append(_gone(reference["id"]))
        if "referenced_tweets.id.author_id" in expansions:
            users |= {other["author_id"] for other in others.values()}
        tweet_fields = {"id", "text", "edit_history_tweet_ids"} | _listed(parameters, "tweet.fields")
        user_fields = {"id", "name", "username"} | _listed(parameters, "user.fields")
        includes: dict[str, Any] = {}
        if users:
            includes["users"] = [_only(self.corpus.users[user], user_fields) for user in sorted(users)]
        if others:
            includes["tweets"] = [_only(other, tweet_fields) for other in others.values()]
        page: Record = {"data": [_only(post, tweet_fields) for post in posts]}
        return page | ({"includes": includes} if includes else {}) | ({"errors": errors} if errors else {})

    def counts(self, asked: Question) -> Record:
        """How many posts match, by day and in all."""
        by_day: dict[str, int] = {}
        for tweet_id in self.matching(asked):
            day = time.strftime("%Y-%m-%dT00:00:00.000Z", time.gmtime(second_of(tweet_id)))
            by_day[day] = by_day.get(day, 0) + 1
        data = [{"start": day, "end": day, "tweet_count": n} for day, n in sorted(by_day.items())]
        return {"data": data, "meta": {"total_tweet_count": sum(by_day.values())}}


def _listed(parameters: dict[str, str], name: str) -> set[str]:
    return set(filter(None, parameters.get(name, "").split(",")))


def _only(record: Record, fields: set[str]) -> Record:
    return {name: value for name, value in record.items() if name in fields}


def _gone(tweet_id: str) -> Record:
    return {
        "value": tweet_id,
        "detail": f"Could not find tweet with referenced_tweets.id: [{tweet_id}].",
        "title": "Not Found Error",
        "resource_type": "tweet",
        "parameter": "referenced_tweets.id",
        "resource_id": tweet_id,
        "type": "https://api.twitter.com/2/problems/resource-not-found",
    }
