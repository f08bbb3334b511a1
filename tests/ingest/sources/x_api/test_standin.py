"""The stand-in itself: it must refuse what X refuses, or tests against it prove nothing."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api_standin import Standin

QUERY = "(#nifty50 OR #sensex OR #intraday OR #banknifty)"


@pytest.fixture
def api() -> Iterator[Standin]:
    with Standin(posts=260, hours=5) as api:
        yield api


def asked(api: Standin, path: str = "search", token: str = "standin-token", **parameters: object) -> Any:
    words = {name.replace("__", "."): value for name, value in ({"query": QUERY} | parameters).items()}
    request = urllib.request.Request(
        f"{api.url}/2/tweets/{path}/recent?{urllib.parse.urlencode(words)}",
        headers={"Authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response), dict(response.headers)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error), dict(error.headers)


def at(seconds_ago: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds_ago))


@pytest.mark.parametrize(
    ("seconds_ago", "parameters", "complaint"),
    [
        ((3600, None), {"until_id": "9"}, "in conjunction with"),
        ((None, 3600), {"since_id": "9"}, "in conjunction with"),
        ((7 * 86_400 + 60, None), {}, "must be on or after"),
        ((None, 3), {}, "minimum of 10 seconds"),
        ((60, 60), {}, "must be before"),
        ((None, None), {"start_time": "yesterday"}, "must be in"),
        ((None, None), {"max_results": 9}, "not between 10 and 100"),
        ((None, None), {"max_results": 101}, "not between 10 and 100"),
        ((None, None), {"next_token": "made-up"}, "Invalid 'next_token'"),
        ((None, None), {"lang": "en"}, "is not one of"),
        ((None, None), {"tweet__fields": "full_text"}, "is not one of"),
        ((None, None), {"query": "#nifty50 since_time:1"}, "no viable alternative"),
    ],
)
def test_what_x_refuses_is_refused(
    api: Standin,
    seconds_ago: tuple[float | None, float | None],
    parameters: dict[str, object],
    complaint: str,
) -> None:
    times = zip(("start_time", "end_time"), seconds_ago, strict=True)
    window = {name: at(seconds) for name, seconds in times if seconds is not None}
    status, content, _ = asked(api, **window, **parameters)
    assert status == 400
    assert complaint in content["errors"][0]["message"]
    assert api.served_ids == set()


def test_pages_lead_from_the_newest_post_to_the_oldest(api: Standin) -> None:
    found: list[int] = []
    token: dict[str, str] = {}
    while True:
        _, page, _ = asked(api, max_results=100, start_time=at(4 * 3600), end_time=at(3600), **token)
        found += [int(post["id"]) for post in page["data"]]
        assert set(page["data"][0]) == {"id", "text", "edit_history_tweet_ids"}, "no field unless asked for"
        if "next_token" not in page["meta"]:
            break
        token = {"next_token": page["meta"]["next_token"]}
    assert found == sorted(set(found), reverse=True)
    assert len(found) > 100
    assert set(found) == api.served_ids
    _, newer, _ = asked(api, since_id=found[5], until_id=found[2])
    assert [int(post["id"]) for post in newer["data"]] == found[3:5], "both ids are excluded"
    _, counts, _ = asked(api, "counts", start_time=at(4 * 3600), end_time=at(3600))
    assert counts["meta"]["total_tweet_count"] == len(found)


def test_the_quota_is_told_and_kept() -> None:
    with Standin(posts=20, limit=2, window_seconds=0.4) as api:
        answers = [asked(api) for _ in range(3)]
        assert [status for status, _, _ in answers] == [200, 200, 429]
        assert [headers["x-rate-limit-remaining"] for _, _, headers in answers] == ["1", "0", "0"]
        assert api.n_over_quota == 1
        time.sleep(0.4)
        assert asked(api)[0] == 200
        assert asked(api, token="another")[0] == 401
