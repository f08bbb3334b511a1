"""What was true and what happened: the log that a test compares a collector with."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.replica.corpus import words_of


@dataclass(frozen=True, slots=True)
class OraclePost:
    """One post of the corpus; `posted_at` is epoch ms, `hashtags` are in lower case without the sign."""

    id: str
    posted_at: int
    hashtags: tuple[str, ...]
    is_deleted: bool
    text: str = ""


@dataclass(slots=True)
class Request:
    """One SearchTimeline request. `status` is 0 when no answer was sent; `ids` are the results served.

    `account` is "account-1" for the first of the replica's accounts and so on, so that no token is kept, and
    "" for a stranger, whose `remaining` quota is None.
    """

    at: float
    account: str
    method: str
    query_id: str
    raw_query: str
    cursor: str | None
    status: int = 0
    fault: str | None = None
    ids: tuple[str, ...] = ()
    remaining: int | None = None


@dataclass(frozen=True, slots=True)
class Oracle:
    """A snapshot of the replica's truth and log."""

    posts: tuple[OraclePost, ...]
    not_results: frozenset[str]
    requests: tuple[Request, ...]
    quota_exceeded: int
    max_in_window: int
    faults_injected: Counter[str]
    page_loads: int
    counts_at_first: Mapping[str, Mapping[str, int]] = field(repr=False)
    counts_now: Mapping[str, Mapping[str, int]] = field(repr=False)

    def matching(self, terms: Collection[str], since_epoch: float, until_epoch: float) -> set[str]:
        """Return the ids of living posts in [since, until), epoch s, that hold any of the terms.

        A term is a hashtag with its sign, or a word of the text.
        """
        wanted = [term.lower() for term in terms]
        return {
            post.id
            for post in self.posts
            if not post.is_deleted
            and since_epoch * 1000 <= post.posted_at < until_epoch * 1000
            and any(
                term[1:] in post.hashtags if term.startswith("#") else term in words_of(post.text)
                for term in wanted
            )
        }

    def first_counts(self, post_id: str) -> dict[str, int]:
        """Return a post's counts before any growth, by payload name and `view_count`."""
        return dict(self.counts_at_first[post_id])

    def current_counts(self, post_id: str) -> dict[str, int]:
        """Return a post's counts now, by payload name and `view_count`."""
        return dict(self.counts_now[post_id])

    def to_json(self) -> dict[str, Any]:
        """Return a form that `json` can write and `from_json` reads back."""
        return {
            "posts": [asdict(post) for post in self.posts],
            "not_results": sorted(self.not_results),
            "requests": [asdict(request) for request in self.requests],
            "quota_exceeded": self.quota_exceeded,
            "max_in_window": self.max_in_window,
            "faults_injected": dict(self.faults_injected),
            "page_loads": self.page_loads,
            "first_counts": self.counts_at_first,
            "current_counts": self.counts_now,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Oracle":
        """Read what `GET /__oracle__` or `--oracle FILE` gave."""
        return cls(
            posts=tuple(OraclePost(**post | {"hashtags": tuple(post["hashtags"])}) for post in data["posts"]),
            not_results=frozenset(data["not_results"]),
            requests=tuple(Request(**entry | {"ids": tuple(entry["ids"])}) for entry in data["requests"]),
            quota_exceeded=data["quota_exceeded"],
            max_in_window=data["max_in_window"],
            faults_injected=Counter(data["faults_injected"]),
            page_loads=data["page_loads"],
            counts_at_first=data["first_counts"],
            counts_now=data["current_counts"],
        )
