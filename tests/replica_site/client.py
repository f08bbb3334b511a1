"""A plain client of the replica at the level of its page's XHR, for these tests only."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.replica import Faults, Replica

TERMS = ("#nifty50", "#sensex", "#intraday", "#banknifty")
GROUP = "(" + " OR ".join(TERMS) + ")"
NOW = 1_790_000_000.0  # a fixed moment, so that a test's corpus is always the same
PATH = "/i/api/graphql/abcdefghijklmnopqrstuv/SearchTimeline"


def _variables(raw_query: str, cursor: str | None, count: int) -> dict[str, Any]:
    variables = {"rawQuery": raw_query, "count": count, "querySource": "typed_query", "product": "Latest"}
    return variables if cursor is None else variables | {"cursor": cursor}


def search_path(raw_query: str, cursor: str | None = None, count: int = 20) -> str:
    """Return the path of one page's GET."""
    return f"{PATH}?variables={quote(json.dumps(_variables(raw_query, cursor, count)))}"


@dataclass
class View:
    """One answer, read the long way."""

    status: int
    headers: dict[str, str]
    body: bytes
    ids: list[str] = field(default_factory=list)
    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    entry_ids: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    promoted: list[str] = field(default_factory=list)
    top: str | None = None
    bottom: str | None = None
    instructions: list[str] = field(default_factory=list)


def read(status: int, headers: dict[str, str], body: bytes) -> View:
    """Read a page of results; a refusal gives a view without entries."""
    view = View(status, headers, body)
    try:
        data = json.loads(body)
        instructions = data["data"]["search_by_raw_query"]["search_timeline"]["timeline"]["instructions"]
    except (ValueError, KeyError, TypeError):
        return view
    for instruction in instructions:
        view.instructions.append(instruction["type"])
        for entry in instruction.get("entries", [instruction.get("entry")]):
            _read_entry(view, entry)
    return view


def _read_entry(view: View, entry: dict[str, Any]) -> None:
    content = entry["content"]
    view.entry_ids.append(entry["entryId"])
    if content.get("cursorType") == "Top":
        view.top = content["value"]
    elif content.get("cursorType") == "Bottom":
        view.bottom = content["value"]
    else:
        result = content["itemContent"]["tweet_results"].get("result") or {"__typename": "missing"}
        view.types.append(result["__typename"])
        result = result if result["__typename"] == "Tweet" else result.get("tweet", {})
        if "legacy" in result and "promotedMetadata" in content["itemContent"]:
            view.promoted.append(result["rest_id"])
        elif "legacy" in result:
            view.ids.append(result["rest_id"])
            view.posts[result["rest_id"]] = result


class Client:
    """One browser's worth of connection, with cookies."""

    def __init__(self, site: Replica, auth_token: str = "auth-token-value", ct0: str = "ct0-value") -> None:
        self.connection = http.client.HTTPConnection(site.url.removeprefix("http://"), timeout=10)
        self.headers = {"cookie": f"auth_token={auth_token}; ct0={ct0}", "x-csrf-token": ct0}

    def get(
        self, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: str | None = None
    ) -> View:
        """Ask for any path."""
        self.connection.request(method, path, body=body, headers=self.headers if headers is None else headers)
        answer = self.connection.getresponse()
        return read(
            answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        )

    def search(
        self, raw_query: str, cursor: str | None = None, *, method: str = "GET", count: int = 20
    ) -> View:
        """Ask for one page, as the page's XHR does."""
        if method == "POST":
            body = json.dumps({"variables": _variables(raw_query, cursor, count)})
            return self.get(PATH, method="POST", body=body)
        return self.get(search_path(raw_query, cursor, count))

    def walk(self, raw_query: str) -> list[View]:
        """Read a query to its end: until a page has no results and repeats the cursor that was sent."""
        views: list[View] = []
        cursor: str | None = None
        while len(views) < 500:
            views.append(self.search(raw_query, cursor))
            if not views[-1].ids and views[-1].bottom == cursor:
                return views
            cursor = views[-1].bottom
        raise AssertionError("the query has no end")


def only(kind: str) -> Faults:
    """Return faults of one kind, on every request."""
    rates: dict[str, Any] = {kind: 1.0}
    return Faults(**rates)


def ids_of(views: list[View]) -> list[str]:
    """Return all result ids in order of reading."""
    return [post_id for view in views for post_id in view.ids]


@contextmanager
def running(**options: Any) -> Iterator[tuple[Replica, Client]]:
    """Run a small replica with a fixed clock and one client."""
    with Replica(**({"seed": 3, "posts": 400, "quota": 100_000, "now": NOW} | options)) as site:
        yield site, Client(site)
