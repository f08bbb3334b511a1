"""The source against a local stand-in of the API: complete, within its limits, and silent about its token."""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from config import ROOT, Settings
from ingest.entities import Captured
from ingest.files import landed_files
from ingest.progress import Progress
from ingest.runs import RunResult, SourceError, history, log_to_file, run
from ingest.search import RATE_LIMITED, AccountStopped, Rate
from ingest.search.walk import Walk
from ingest.sources import x_api
from ingest.sources.x_api import compliance
from ingest.sources.x_api.client import CONNECTION_LOST, Reply
from ingest.sources.x_api.recent import read_page
from tests.api_standin import Standin
from tests.api_standin.corpus import TAGS

CANARY = "AAAAAAAAAcanary%2Ftoken%3DAAAA"
TERMS = [f"#{tag}" for tag in TAGS]
AT_ONCE = {"x_reserve_requests": 1, "x_delay_seconds_min": 0.01, "x_delay_seconds_max": 0.02}


@pytest.fixture
def root(tmp_path: Path) -> Settings:
    """Settings with a token, that do not wait long."""
    return Settings(data=tmp_path / "data", x_bearer_token="standin-token", x_answer_seconds=0.5, **AT_ONCE)


def arguments(api: Standin, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    x_api.add_arguments(parser)
    return parser.parse_args(["--site", api.url, *words])


def collect(root: Settings, api: Standin, *words: str) -> RunResult:
    given = arguments(api, *words)
    with Progress(Console(file=io.StringIO())) as progress:
        return run(root, "x_api", " ".join(words), lambda this: x_api.items(given, this), progress)


def rows(root: Settings) -> list[dict[str, Any]]:
    return [row for path in landed_files(root, "tweets") for row in pq.read_table(path).to_pylist()]


def landed_ids(root: Settings) -> list[int]:
    return [int(row["tweet_id"]) for row in rows(root)]


def within(api: Standin, hours: float, since: float) -> set[int]:
    """What a collection of the last `hours` that began at `since` must hold at the least."""
    return api.matching(TERMS, since - hours * 3600 + 60, since - 30)


# ---- Recall ---------------------------------------------------------------------------------------


def test_nothing_is_missed_whatever_goes_wrong(root: Settings) -> None:
    faults = dict(
        zip((2, 4, 5, 7, 9, 11, 12, 14), 2 * ("error", "truncated", "reset", "garbled"), strict=True)
    )
    begun = time.time()
    faults |= {6: "hang", 16: "limited"}
    with Standin(
        posts=1400, hours=5, limit=16, window_seconds=1.0, faults=faults, hang_seconds=0.7
    ) as api:  # fmt: skip
        collect(root, api, "--hours", "4", "--max-posts", "5000")
        wanted = within(api, 4, begun)
    found = landed_ids(root)
    assert len(wanted) > 900
    assert wanted - set(found) == set()
    assert set(found) <= api.served_ids, "and no post is made up"
    anew = [request for request in api.searches if "next_token" not in request.parameters]
    assert len(found) - len(set(found)) <= 4 * len(anew), "a question anew shows a few posts again"
    assert api.n_over_quota == 0
    asked = [request.status for request in api.searches]
    assert len(asked) <= 1.25 * (len(faults) + len(api.served_ids) / 100) + 3
    assert 400 not in asked


def test_the_last_seven_days_are_all_that_is_asked_for(root: Settings) -> None:
    begun = time.time()
    with Standin(posts=500, hours=180, seed=3) as api:
        result = collect(root, api, "--hours", "200")
        reach = api.matching(TERMS, begun - x_api.SECONDS_BACK + 60, begun - 60)
    assert {request.status for request in api.requests} == {200}
    assert reach - set(landed_ids(root)) == set()
    assert any("seven days" in note for note in result.notes)


def test_what_has_grown_too_old_meanwhile_is_given_up() -> None:
    walk = Walk("#nifty50", 10_000, 20_000, None, 280)
    walk.bound(15_000)
    ask = walk.next()
    assert ask is not None
    assert (ask.since, ask.until, walk.cause) == (15_000, 20_000, None)
    walk.bound(20_000)
    assert walk.is_over
    assert walk.proof is None, "what was not searched is not complete"


def test_a_second_run_asks_only_for_what_is_new(root: Settings) -> None:
    with Standin(posts=600, hours=3) as api:
        collect(root, api, "--hours", "2", "--max-posts", "5000")
        first = len(api.searches)
        collect(root, api, "--hours", "2", "--max-posts", "5000")
        second = len(api.searches) - first
        collect(root, api, "--hours", "2", "--max-posts", "5000", "--refresh")
        third = len(api.searches) - first - second
    assert second <= 1, "the seconds that have passed since, and a page of known posts"
    assert third >= first >= 4


@pytest.mark.parametrize("moment", [1, 5])
def test_a_killed_run_goes_on_and_fetches_at_most_one_page_again(root: Settings, moment: int) -> None:
    begun = time.time()
    with Standin(posts=900, hours=3) as api:
        process = _begin_apart(root, api, "--hours", "2", "--max-posts", "5000")
        while len(api.searches) < moment and process.poll() is None:
            time.sleep(0.002)
        process.kill()
        process.wait()
        n_served = sum(bool(request.ids) for request in api.searches)
        with closing(sqlite3.connect(root.ingest_db)) as state:
            (n_kept,) = state.execute("select count(*) from search_pages").fetchone()
        assert n_served - n_kept <= 1, "every page but the last is on disk"
        kept = frozenset().union(*(request.ids for request in api.searches[:n_kept]))
        collect(root, api, "--hours", "2", "--max-posts", "5000")
        assert within(api, 2, begun) - set(landed_ids(root)) == set()
        again = [len(request.ids & kept) for request in api.searches[n_served:]]
    assert n_served >= moment
    # Two newer slices, where the session's end lies between, are proven by a page of known posts each.
    assert len([n for n in again if n > 50]) <= 2
    assert [past.status for past in history(root, 9)] == ["succeeded", "lost"]


def _begin_apart(root: Settings, api: Standin, *words: str) -> subprocess.Popen[bytes]:
    given = {f"MARKET_INTEL_{name.upper()}": str(value) for name, value in AT_ONCE.items()}
    environment = {
        **os.environ, **given,
        "MARKET_INTEL_DATA": str(root.data), "MARKET_INTEL_X_BEARER_TOKEN": "standin-token",
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "ingest", "x_api", "--site", api.url, *words],
        cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


# ---- What is landed -------------------------------------------------------------------------------


def test_posts_are_landed_in_full(root: Settings) -> None:
    with Standin(posts=200, hours=1.5, seed=5) as api:
        collect(root, api, "--hours", "1")
    landed = rows(root)
    corpus = api.search.corpus
    kinds = set()
    for row in landed:
        post = corpus.posts[int(row["tweet_id"])]
        author = corpus.users[post["author_id"]]
        references = {item["type"]: item["id"] for item in post.get("referenced_tweets", ())}
        kinds |= references.keys() | (post.keys() & {"note_tweet", "withheld"})
        assert row["author_handle"] == author["username"]
        assert row["author_name"] == author["name"]
        assert row["author_followers"] == author["public_metrics"]["followers_count"]
        assert row["view_count"] == post["public_metrics"]["impression_count"]
        assert row["bookmark_count"] == post["public_metrics"]["bookmark_count"]
        assert row["quoted_tweet_id"] == references.get("quoted")
        assert row["retweeted_tweet_id"] == references.get("retweeted")
        assert row["in_reply_to_tweet_id"] == references.get("replied_to")
        assert (row["lang"], row["conversation_id"]) == (post["lang"], post["conversation_id"])
        assert row["cashtags"] == ["RELIANCE"]
        assert row["search_query"] == root.x_terms
        if len(post["edit_history_tweet_ids"]) > 1:
            kinds.add("edited")
            assert row["edit_tweet_ids"] == post["edit_history_tweet_ids"]
        if "note_tweet" in post:
            assert row["text"] == post["note_tweet"]["text"].replace("&amp;", "&")
        if other := corpus.others.get(references.get("retweeted", "")):
            assert row["text"].endswith(other["note_tweet"]["text"].replace("&amp;", "&"))
            assert "retweet_text_cut" not in row["parse_warnings"]
    assert kinds == {"note_tweet", "edited", "withheld", "retweeted", "quoted", "replied_to"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["data", "meta", "includes", "errors", "id", "text", "users", "tweets", "next_token",
                         "referenced_tweets", "type", "author_id", "public_metrics", "note_tweet"]),
        inner, max_size=4,
    ),
    max_leaves=25,
)  # fmt: skip


@given(JSON)
@settings(max_examples=150, deadline=None)
def test_any_answer_is_read_or_set_aside(content: object) -> None:
    page = read_page(json.dumps(content).encode(), datetime.now(UTC), "#nifty50")
    assert len(page.ids) == sum(isinstance(item, Captured) for item in page.items)
    assert page.next_cursor is None or page.next_cursor.strip()


@pytest.mark.shared
def test_recorded_answers_are_read(shared: Path) -> None:
    for path in sorted((shared / "x_api_v2").glob("*.json")):
        page = read_page(path.read_bytes(), datetime.now(UTC), "tweepy")
        assert (len(page.ids), len(page.items)) == (10, 10)
        assert page.ids == tuple(sorted(page.ids, reverse=True))
        assert page.next_cursor


# ---- Money ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [4, 105, 250])
def test_no_more_is_read_than_allowed(root: Settings, most: int) -> None:
    with Standin(posts=800, hours=5) as api:
        result = collect(root, api, "--hours", "4", "--max-posts", str(most))
    read: set[int] = set()
    for request in api.searches:
        assert len(read) < most, "a request was made that nothing was left for"
        assert int(request.parameters["max_results"]) == min(max(most - len(read), 10), 100)
        read |= request.ids
    assert most <= len(read) < most + 10
    assert set(landed_ids(root)) == read
    assert f"{len(read):,} posts were read, for about ${len(read) * 0.005:,.2f}" in " ".join(result.notes)


def test_the_price_is_told_before_anything_is_spent(
    root: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with Standin(posts=90, hours=1.5) as api:
        collect(root, api, "--hours", "1", "--max-posts", "2000")
        told = capsys.readouterr().out
        n = len(within(api, 1, time.time()))
    assert api.requests[0].path == "/2/tweets/counts/recent"
    counted = int(told.split("X counts ")[1].split()[0])
    assert abs(counted - n) <= 5
    most = counted + 100
    assert f"At most {most:,} posts will be read: about ${most * 0.005:,.2f}" in told
    assert len(landed_ids(root)) <= most


def test_without_a_count_the_limit_is_the_estimate(
    root: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with Standin(posts=30, hours=1, counts_fault="forbidden") as api:
        collect(root, api, "--hours", "1")
    assert "At most 2,000 posts will be read: about $10.00" in capsys.readouterr().out
    assert landed_ids(root)


def test_a_dry_run_reads_no_post(root: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x_api, "settings", lambda: root)
    with Standin(posts=90, hours=1.5) as api:
        told = x_api.explain(arguments(api, "--hours", "1"))
        assert "X counts " in told
        assert [request.path for request in api.requests] == ["/2/tweets/counts/recent"]
        monkeypatch.setattr(x_api, "settings", lambda: root.model_copy(update={"x_bearer_token": None}))
        told = x_api.explain(arguments(api, "--hours", "1"))
    assert "At most 2,000 posts will be read: about $10.00" in told
    assert len(api.requests) == 1
    assert not root.data.exists()


# ---- Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ("unauthorized", "does not know the bearer token.*MARKET_INTEL_X_BEARER_TOKEN"),
        ("payment", "credits are used up.*CreditsDepleted"),
        ("forbidden", "does not let this app.*client-not-enrolled"),
        ("cap", "spending limit.*Monthly product cap"),
        ("day", "in 24 hours, until 2030-01-01"),
    ],
)
def test_a_refusal_ends_the_run_and_says_what_to_do(root: Settings, fault: str, advice: str) -> None:
    with Standin(posts=300, hours=2, faults={2: fault}) as api:
        with pytest.raises(AccountStopped, match=advice):
            collect(root, api, "--hours", "2")
        assert len(api.searches) == 2
        assert set(landed_ids(root)) == api.served_ids, "what was read before has landed"
        collect(root, api, "--hours", "2", "--max-posts", "5000")
        assert within(api, 2, time.time()) - set(landed_ids(root)) == set()


def test_a_search_that_the_api_does_not_take_is_not_repeated(root: Settings) -> None:
    unclear = root.model_copy(update={"x_terms": "min_faves:10"})
    with Standin(posts=10) as api, pytest.raises(SourceError, match="no viable alternative at input"):
        collect(unclear, api, "--hours", "2")
    assert len(api.searches) == 1


@pytest.mark.parametrize(
    ("token", "complaint"),
    [(None, "needs a bearer token"), ("Bearer abc", "without the word"), ("a\nb", "is no bearer token")],
)
def test_a_token_that_is_none_is_not_sent(root: Settings, token: str | None, complaint: str) -> None:
    without = Settings(data=root.data, x_bearer_token=token)
    with Standin(posts=10) as api:
        with pytest.raises(SourceError, match=complaint) as raised:
            collect(without, api)
        assert api.requests == []
    assert token is None or token not in str(raised.value)


def test_the_token_is_not_sent_in_the_clear(root: Settings) -> None:
    with Standin(posts=10) as api:
        api.url = "http://api.x.example"
        with pytest.raises(SourceError, match="https"):
            collect(root, api)


# ---- Secrecy --------------------------------------------------------------------------------------


def test_the_token_is_in_nothing_that_is_written_or_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    config = Settings(
        data=tmp_path / "data", x_bearer_token=CANARY, log_level="DEBUG", x_answer_seconds=0.4, **AT_ONCE
    )
    said = []
    log = logging.getLogger()
    before = list(log.handlers)
    log_to_file(config, "x_api")
    try:
        for talker in ("httpx", "httpcore"):
            caplog.set_level(logging.DEBUG, talker)
        caplog.set_level(logging.DEBUG)
        faults = {2: "error", 3: "reset", 4: "truncated", 5: "hang", 6: "garbled", 8: "unauthorized"}
        with Standin(posts=700, hours=2, token=CANARY, faults=faults, hang_seconds=0.6) as api:
            for words in (["--hours", "2"], ["--hours", "1.9"], ["--compliance"]):
                api.gone = {str(tweet_id): "deleted" for tweet_id in sorted(landed_ids(config))[:3]}
                try:
                    said.append(repr(collect(config, api, *words)))
                except SourceError as error:
                    said.append(f"{error!r} {error.__context__!r} {error.__cause__!r}")
            assert not api.token_went_astray
        with Standin(posts=9, token="another") as api, pytest.raises(AccountStopped) as raised:
            collect(config, api, "--compliance")
        said.append(repr(raised.value))
    finally:
        for handler in [handler for handler in log.handlers if handler not in before]:
            log.removeHandler(handler)
            handler.close()
    assert "(hidden)" in said[0], "the stand-in's 401 repeats the header"
    assert api.requests
    said += [str(captured) for captured in capsys.readouterr()] + [caplog.text, repr(config)]
    assert "httpcore" in caplog.text
    secrets = {CANARY.encode(), CANARY.replace("%2F", "/").replace("%3D", "=").encode()}
    files = [path for path in config.data.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"ingest.sqlite", "x_api.log"}
    for secret in secrets:
        assert not any(secret in text.encode() for text in said)
        assert [path for path in files if secret in path.read_bytes()] == []


# ---- Deletions ------------------------------------------------------------------------------------


@pytest.fixture
def stocked(root: Settings) -> Callable[[Standin], list[str]]:
    """Collects what there is; returns the landed ids."""

    def stock(api: Standin) -> list[str]:
        collect(root, api, "--hours", "2")
        return sorted({row["tweet_id"] for row in rows(root)}, key=int)

    return stock


def test_what_x_reports_gone_is_purged_and_stays_gone(
    root: Settings, stocked: Callable[[Standin], list[str]]
) -> None:
    with Standin(posts=120, hours=3) as api:
        ids = stocked(api)
        quoted = {row["quoted_tweet_id"] or row["retweeted_tweet_id"] for row in rows(root)} - {None}
        api.gone = dict(
            zip(ids, ["deleted", "suspended", "protected", "deactivated", "scrub_geo"], strict=False)
        )
        gone = set(ids[:4])
        result = collect(root, api, "--compliance")
        assert api.uploaded == sorted({*ids, *quoted}, key=int)
        assert not api.token_went_astray
        assert result.counts["purges"].landed == 4
        assert result.counts["purges"].excluded == {"scrub_geo": 1}
        assert {str(tweet_id) for tweet_id in landed_ids(root)} == set(ids) - gone
        purges = [row for path in landed_files(root, "purges") for row in pq.read_table(path).to_pylist()]
        assert {row["tweet_id"]: row["reason"] for row in purges} == {
            tweet_id: api.gone[tweet_id] for tweet_id in gone
        }
        assert any("make build" in note for note in result.notes)
        collect(root, api, "--hours", "2", "--refresh")
        assert {str(tweet_id) for tweet_id in landed_ids(root)} == set(ids) - gone
        again = collect(root, api, "--compliance")
        assert gone.isdisjoint(api.uploaded)
    assert again.counts["purges"].landed == 0
    assert [request.path for request in api.requests].count("POST /2/compliance/jobs") == 2


def test_an_interrupted_wait_goes_on(root: Settings, stocked: Callable[[Standin], list[str]]) -> None:
    with Standin(posts=40, hours=3, job_seconds=60.0) as api:
        api.gone = {stocked(api)[0]: "deleted"}
        threading.Thread(
            target=_interrupt_when, args=[lambda: "/2/compliance/jobs/" in str(api.requests)]
        ).start()
        assert collect(root, api, "--compliance").status == "interrupted"
        api.job_seconds = 0.0
        result = collect(root, api, "--compliance")
    assert result.counts["purges"].landed == 1
    assert [request.path for request in api.requests].count("POST /2/compliance/jobs") == 1


def _interrupt_when(is_time: Callable[[], bool]) -> None:
    while not is_time():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)


def test_a_job_that_failed_is_followed_by_another(
    root: Settings, stocked: Callable[[Standin], list[str]]
) -> None:
    with Standin(posts=40, hours=3, job_seconds=0.5) as api:
        api.gone = {stocked(api)[0]: "deleted"}
        threading.Thread(target=_fail_when_begun, args=[api]).start()
        with pytest.raises(SourceError, match=r"is failed\. Run the same again"):
            collect(root, api, "--compliance")
        api.job_seconds = 0.0
        assert collect(root, api, "--compliance").counts["purges"].landed == 1


def _fail_when_begun(api: Standin) -> None:
    while True:
        try:
            api.fail_job("failed")
        except IndexError:
            time.sleep(0.01)
        else:
            return


def test_another_s_job_is_waited_for(root: Settings, stocked: Callable[[Standin], list[str]]) -> None:
    with Standin(posts=40, hours=3) as api:
        stocked(api)
        elsewhere = Settings(data=root.data.parent / "other", x_bearer_token="standin-token", **AT_ONCE)
        collect(elsewhere, api, "--hours", "2")
        api.job_seconds = 60.0
        threading.Thread(
            target=_interrupt_when, args=[lambda: "/2/compliance/jobs/" in str(api.requests)]
        ).start()
        collect(elsewhere, api, "--compliance")
        with pytest.raises(SourceError, match="one at a time"):
            collect(root, api, "--compliance")


def test_an_empty_root_asks_nothing(root: Settings) -> None:
    with Standin(posts=9) as api:
        result = collect(root, api, "--compliance")
        assert api.requests == []
    assert result.notes == ("No landed post has an id of X, so there is nothing to ask.",)


def test_a_site_that_is_down_is_left_alone(root: Settings) -> None:
    with Standin(posts=9) as api:
        pass
    with pytest.raises(SourceError, match=rf"not one of \d+ requests was answered.*{CONNECTION_LOST}"):
        collect(root, api, "--hours", "1")


def test_compliance_waits_for_a_window_by_this_machines_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The site's clock is an hour behind ours, and the window over in a minute."""
    rate = Rate(50, 0, time.time() - 3600 + 60, ahead=3600.0)
    replies = iter([Reply(fault=RATE_LIMITED, rate=rate), Reply(content={})])
    waits: list[float] = []
    monkeypatch.setattr(compliance, "_wait", lambda run, seconds, what: waits.append(seconds))
    compliance._patiently(None, lambda: next(replies))  # type: ignore[arg-type]
    assert waits == [pytest.approx(61, abs=3)]
