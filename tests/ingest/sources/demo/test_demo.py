"""The demo day: the same everywhere, of the promised size and shape, and holding every case."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.entities import Captured, Excluded, Item, Quarantined
from ingest.entities.price_bars.schema import SCHEMA as PRICE_BARS
from ingest.entities.tweets.schema import SCHEMA as TWEETS
from ingest.runs import SourceError
from ingest.sources import demo
from ingest.sources.demo.market import day_start_ms, from_ms

ROOT = Path(__file__).parents[4]
SHARED = ROOT.parent / "shared" / "data" / "india_tweets"
SMALL, FULL = 200, demo.POSTS
MIDNIGHT = day_start_ms(demo.TRADING_DATE)
SEARCHES = {"#nifty50", "#sensex", "#intraday", "#banknifty"}
COUNTS = ("like_count", "retweet_count", "reply_count", "quote_count", "view_count", "bookmark_count")
ABSURD = 10**10

WEEKDAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31)).filter(lambda day: day.weekday() < 5)

both_sizes = pytest.mark.parametrize("posts", [SMALL, FULL])


@cache
def records(posts: int) -> list[Item]:
    return list(demo.records(posts=posts))


@cache
def pages(posts: int) -> list[demo.Page]:
    return list(demo.pages(demo.SEED, demo.TRADING_DATE, posts))


@cache
def sightings(posts: int) -> list[Mapping[str, Any]]:
    return [item.fields for item in records(posts) if isinstance(item, Captured) and item.entity == "tweets"]


def latest(posts: int) -> list[Mapping[str, Any]]:
    """One sighting per post, the last."""
    return list({seen["tweet_id"]: seen for seen in sightings(posts)}.values())


@cache
def bars() -> list[dict[str, Any]]:
    return list(demo.bars(demo.SEED, demo.TRADING_DATE))


def entries(page: demo.Page) -> list[dict[str, Any]]:
    """The entries of a page that are no cursors."""
    timeline = page.response["data"]["search_by_raw_query"]["search_timeline"]["timeline"]
    added = timeline["instructions"][0]
    assert added["type"] == "TimelineAddEntries"
    return [entry for entry in added["entries"] if not entry["entryId"].startswith("cursor-")]


def results(posts: int) -> Iterator[dict[str, Any]]:
    """Every top-level result of a day, as X types it."""
    for page in pages(posts):
        for entry in entries(page):
            yield entry["content"]["itemContent"]["tweet_results"].get("result", {})


def words(text: str) -> list[str]:
    return re.sub(r"https://\S+", "", text.lower()).split()


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    spoken = words(text)
    return frozenset(zip(spoken, spoken[1:], spoken[2:], strict=False))


def jaccards(texts: list[str]) -> Iterator[tuple[int, int, float]]:
    """Each pair of texts that shares at least four word 3-grams, with its Jaccard similarity."""
    grams = [shingles(text) for text in texts]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, held in enumerate(grams):
        for gram in held:
            holders[gram].append(number)
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in holders.values():
        shared.update((one, two) for place, one in enumerate(numbers) for two in numbers[place + 1 :])
    for (one, two), common in shared.items():
        if common >= 4:
            yield one, two, common / (len(grams[one]) + len(grams[two]) - common)


def test_equal_arguments_give_equal_bytes_whatever_the_hash_seed() -> None:
    script = (
        "import hashlib; from ingest.sources import demo\n"
        f"print(hashlib.sha256(repr(list(demo.records(posts={SMALL}))).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed},
            cwd=ROOT,
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    assert list(demo.records(posts=SMALL, seed=8)) != records(SMALL)


@pytest.mark.parametrize("posts", [demo.FEWEST_POSTS, SMALL, 1000, FULL])
def test_size(posts: int) -> None:
    distinct = {seen["tweet_id"] for seen in sightings(posts)}
    assert abs(len(distinct) - posts) <= 10
    assert 4500 / 3500 <= len(sightings(posts)) / posts <= 5500 / 3500


def test_arguments_that_make_no_day_are_refused() -> None:
    with pytest.raises(SourceError, match="weekend"):
        demo.records(trading_date=date(2026, 11, 21))
    with pytest.raises(SourceError, match=str(demo.FEWEST_POSTS)):
        demo.records(posts=demo.FEWEST_POSTS - 1)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), posts=st.integers(demo.FEWEST_POSTS, 1500), day=WEEKDAYS)
def test_any_day_has_unique_ids_that_carry_the_posting_time(seed: int, posts: int, day: date) -> None:
    written = demo.posts.compose(seed, day, posts)
    ids = [post.tweet_id for post in written]
    assert len(set(ids)) == len(ids)
    assert sum(post.form not in demo.posts.NOT_POSTS for post in written) == posts
    for post in written:
        if len(post.tweet_id) > 10:
            assert (int(post.tweet_id) >> 22) + 1288834974657 == post.posted_ms
        assert day_start_ms(day) <= post.posted_ms < day_start_ms(day) + 86_400_000
        assert SEARCHES.issuperset(post.searches())
        assert post.searches()


@both_sizes
def test_posts_are_seen_after_they_were_posted_and_stated_times_agree_with_ids(posts: int) -> None:
    for seen in sightings(posts):
        if seen.get("posted_at_basis") == "id":
            assert seen["posted_at"] < seen["observed_at"]
            assert seen["posted_at"] == from_ms((int(seen["tweet_id"]) >> 22) + 1288834974657)
    for result in results(posts):
        post = result.get("tweet", result)
        stated = (post.get("legacy") or {}).get("created_at")
        if stated and len(post.get("rest_id", "")) > 10:
            at = datetime.strptime(stated, "%a %b %d %H:%M:%S %z %Y")
            assert at == from_ms((int(post["rest_id"]) >> 22) + 1288834974657).replace(microsecond=0)


@both_sizes
def test_pages_look_like_captures(posts: int) -> None:
    captured = pages(posts)
    assert [page.observed_at for page in captured] == sorted(page.observed_at for page in captured)
    assert {page.search_query for page in captured} == SEARCHES
    assert all(len(entries(page)) <= 20 for page in captured)
    assert captured[0].observed_at.tzinfo is UTC
    assert captured[-1].observed_at < from_ms(MIDNIGHT + 86_400_000)
    cursors = Counter(
        instruction["type"]
        for page in captured
        for instruction in page.response["data"]["search_by_raw_query"]["search_timeline"]["timeline"][
            "instructions"
        ]
    )
    if posts == FULL:
        assert cursors["TimelineReplaceEntry"] > 20
    per_quarter_hour = Counter(
        (page.observed_at - timedelta(minutes=15)).timestamp() // 900 for page in captured
    )
    assert max(per_quarter_hour.values()) <= 50, "one account's search budget"


@both_sizes
def test_every_kind_of_entry_occurs(posts: int) -> None:
    types = Counter(result.get("__typename", "") for result in results(posts))
    odd = {"TweetWithVisibilityResults", "TweetTombstone", "TweetUnavailable", "TweetPreviewDisplay", ""}
    assert types.keys() == {"Tweet", *odd}
    tweets = [result for result in results(posts) if result.get("__typename") == "Tweet"]
    users = [tweet["core"]["user_results"]["result"] for tweet in tweets]
    assert {("legacy" in user, "relationship_counts" in user) for user in users} == {
        (True, False),
        (False, True),
    }
    notes = [tweet for tweet in tweets if "note_tweet" in tweet]
    assert notes
    for tweet in notes:
        assert len(tweet["note_tweet"]["note_tweet_results"]["result"]["text"]) > len(
            tweet["legacy"]["full_text"]
        )
    quoted = [tweet["quoted_status_result"]["result"] for tweet in tweets if "quoted_status_result" in tweet]
    assert any(int(tweet["rest_id"]) >> 22 < MIDNIGHT - 1288834974657 for tweet in quoted), "an old one"
    assert (
        any("&amp;" in tweet["legacy"]["full_text"] for tweet in tweets if tweet["legacy"]) or posts == SMALL
    )


@both_sizes
def test_the_parser_meets_every_outcome(posts: int) -> None:
    reasons = Counter(
        (type(item), item.reason) for item in records(posts) if isinstance(item, Excluded | Quarantined)
    )
    assert reasons.keys() >= {
        (Excluded, "promoted_entry"),
        (Excluded, "nested_quote"),
        (Excluded, "nested_retweet"),
        (Excluded, "duplicate_in_response"),
        (Excluded, "tombstone"),
        (Quarantined, "no_id"),
        (Quarantined, "no_text"),
    }
    assert sum(reasons.values()) < 0.2 * len(sightings(posts))


@both_sizes
def test_every_row_rule_has_a_victim_and_most_rows_are_sound(posts: int) -> None:
    def is_blank(text: str) -> bool:
        return not re.sub(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\ufeff]", "", text)

    victims = {
        "no visible text": [
            seen for seen in latest(posts) if is_blank(seen["text"]) and "\u200b" in seen["text"]
        ],
        "control characters": [seen for seen in latest(posts) if "\x07" in seen["text"]],
        "lost characters": [seen for seen in latest(posts) if "\ufffd" in seen["text"]],
        "time unknown": [seen for seen in latest(posts) if "posted_at" not in seen],
        "in the future": [s for s in latest(posts) if "posted_at" in s and s["posted_at"] > s["observed_at"]],
        "absurd": [seen for seen in latest(posts) if seen.get("like_count", 0) > ABSURD],
        "unreadable": [seen for seen in latest(posts) if "count_unreadable" in seen["parse_warnings"]],
    }
    assert [rule for rule, rows in victims.items() if not rows] == []
    likes = [(result.get("legacy") or {}).get("favorite_count") for result in results(posts)]
    assert any(isinstance(count, int) and count < 0 for count in likes), "the parser makes it null"
    assert any(isinstance(count, str) for count in likes), "so with this one"
    assert sum(map(len, victims.values())) < max(0.02 * posts, 10)


@both_sizes
def test_counts_grow_and_sightings_repeat(posts: int) -> None:
    history: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for seen in sorted(sightings(posts), key=lambda seen: seen["observed_at"]):
        history[seen["tweet_id"]].append(seen)
    repeated = [rows for rows in history.values() if len(rows) > 1]
    assert len(repeated) > 0.2 * posts
    assert any(len({row["search_query"] for row in rows}) > 1 for rows in repeated)
    grown = 0
    for rows in repeated:
        for column in COUNTS:
            series = [row.get(column, 0) for row in rows]
            assert series == sorted(series)
            grown += series[-1] > series[0]
    assert grown > len(repeated) / 2


@both_sizes
def test_edits_name_every_version(posts: int) -> None:
    edited = [seen for seen in sightings(posts) if seen.get("edit_tweet_ids")]
    known = {seen["tweet_id"]: seen["text"] for seen in sightings(posts)}
    for seen in edited:
        assert seen["tweet_id"] in seen["edit_tweet_ids"]
    assert any(
        len({known[version] for version in seen["edit_tweet_ids"]}) == 2
        for seen in edited
        if known.keys() >= set(seen["edit_tweet_ids"])
    )


@both_sizes
def test_copies_stand_on_both_sides_of_the_duplicate_threshold(posts: int) -> None:
    rows = [
        seen
        for seen in latest(posts)
        if "retweeted_tweet_id" not in seen and len(shingles(seen["text"])) > 12
    ]
    same = [count for count in Counter(row["text"] for row in rows).values() if count > 1]
    assert sum(same) > posts / 60, "exact copies"
    pairs = list(jaccards([row["text"] for row in rows]))
    assert any(0.85 <= similarity < 1 for _, _, similarity in pairs)
    assert any(0.6 < similarity < 0.85 for _, _, similarity in pairs)
    near = {(one, two) for one, two, similarity in pairs if similarity >= 0.85}
    neighbours: dict[int, set[int]] = defaultdict(set)
    for one, two in near:
        neighbours[one].add(two)
        neighbours[two].add(one)
    chains = [
        (one, two) for around in neighbours.values() for one in around for two in around
        if one < two and (one, two) not in near
    ]  # fmt: skip
    assert chains or posts == SMALL, "clusters are transitive"


@both_sizes
def test_campaigns_disguise_one_advert(posts: int) -> None:
    texts = [seen["text"] for seen in latest(posts)]
    assert any("\U0001d400" <= letter <= "\U0001d433" for text in texts for letter in text), (
        "mathematical bold"
    )
    assert any(re.search(r"[a-z]\u200b[a-z]", text) for text in texts), "inserted marks"
    crews: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for seen in latest(posts):
        if seen.get("urls") and len(seen["text"]) > 180:
            crews[" ".join(words(seen["text"].split("\n")[0])[-4:])].append(seen)
    crew = max(crews.values(), key=len)
    assert 10 <= len({seen["author_handle"] for seen in crew}) <= 40
    assert len({tuple(seen["urls"]) for seen in crew}) > 10, "links rotate"


@both_sizes
def test_languages(posts: int) -> None:
    marks = "hai ke ka ki pe se ko na aaj kal bhai dosto karo me ho gaya tha abhi baje neeche upar lo tak ne"
    hinglish = set(marks.split())
    spoken: Counter[str] = Counter()
    for seen in latest(posts):
        said = re.sub(r"[#@]\S+", "", seen["text"])
        if re.search("[\u0900-\u097f]", said):
            spoken["hi"] += 1
        else:
            spoken["hg" if len(hinglish.intersection(words(said))) >= 2 else "en"] += 1
    assert 0.6 < spoken["en"] / posts < 0.82
    assert 0.13 < spoken["hg"] / posts < 0.32
    assert 0.03 < spoken["hi"] / posts < 0.15


def test_volume_follows_the_session() -> None:
    half_hours = Counter(
        int(seen["posted_at"].timestamp() * 1000 - MIDNIGHT) // 1_800_000
        for seen in latest(FULL)
        if "posted_at" in seen
    )
    opening, lunch, close = half_hours[18], half_hours[25], half_hours[30]  # 09:00, 12:30, 15:00
    assert opening >= 2 * lunch
    assert close >= 2 * lunch
    assert sum(half_hours[number] for number in range(12)) < 0.05 * FULL, "night"


def test_few_authors_write_much() -> None:
    authors = Counter(seen["author_handle"] for seen in latest(FULL))
    assert 500 <= len(authors) <= 800
    top = sum(count for _, count in authors.most_common(len(authors) // 10))
    assert 0.3 * FULL < top < 0.7 * FULL
    assert max(authors.values()) < 0.05 * FULL


def test_option_legs_are_struck_near_the_market() -> None:
    closes = [bar["close"] for bar in bars() if bar["symbol"] != "INDIAVIX"]
    strikes = [
        int(leg[1])
        for seen in latest(FULL)
        for leg in re.finditer(r"\b(\d{5}) ?(?:ce|pe)\b", seen["text"].lower())
    ]
    assert len(strikes) > 100
    for strike in set(strikes):
        assert min(abs(strike / close - 1) for close in closes) < 0.03


@both_sizes
def test_nothing_points_to_a_real_site(posts: int) -> None:
    text = json.dumps([page.response for page in pages(posts)], ensure_ascii=False)
    hosts = set(re.findall(r"https?://([^/\s\"]+)", text))
    assert hosts
    assert {host.rsplit(".", 1)[-1] for host in hosts} == {"example"}
    assert re.findall(r"\b[a-z0-9-]{2,}\.(?:com|me|in|org|net|co|io|ly)\b", text, re.IGNORECASE) == []


@pytest.mark.shared
def test_no_handle_is_anyone_s() -> None:
    if not SHARED.is_dir():
        pytest.skip("no sample data beside the checkout")
    held: set[str] = set()
    for path in SHARED.iterdir():
        if path.suffix == ".parquet":
            text = json.dumps(pq.read_table(path).to_pylist(), default=str, ensure_ascii=False)
        else:
            text = path.read_text(encoding="utf-8", errors="replace")
        held |= set(re.findall(r"\w{4,15}", text.lower()))
    handles = {seen["author_handle"].lower() for seen in latest(FULL)}
    assert all(re.fullmatch(r"demo_[a-z]+\d+", handle) and len(handle) <= 15 for handle in handles)
    assert handles.isdisjoint(held)


def test_fields_fit_the_schemas() -> None:
    for entity, schema in (("tweets", TWEETS), ("price_bars", PRICE_BARS)):
        rows = [i.fields for i in records(SMALL) if isinstance(i, Captured) and i.entity == entity]
        captured = pa.schema([field for field in schema if field.name in rows[0].keys() | {"text"}])
        assert set().union(*rows) <= set(schema.names)
        assert pa.Table.from_pylist(rows, schema=captured).num_rows == len(rows)


def test_price_bars_make_a_session_with_a_story() -> None:
    session = defaultdict(list)
    for bar in bars():
        assert bar["low"] <= min(bar["open"], bar["close"])
        assert max(bar["open"], bar["close"]) <= bar["high"]
        session[bar["bar_interval"], bar["symbol"]].append(bar)
    symbols = {"NIFTY50", "BANKNIFTY", "SENSEX", "FINNIFTY", "INDIAVIX"}
    assert session.keys() == {(interval, symbol) for interval in ("1d", "3min") for symbol in symbols}
    paths = {}
    for symbol in symbols:
        assert [bar["bar_start"] for bar in session["1d", symbol]] == [from_ms(MIDNIGHT - 86_400_000)]
        inside = session["3min", symbol]
        starts = [from_ms(MIDNIGHT + (555 + 3 * number) * 60_000) for number in range(127)]
        assert [bar["bar_start"] for bar in inside] == starts
        close = from_ms(MIDNIGHT + (15 * 60 + 35) * 60_000)
        ends = [min(start + timedelta(minutes=3), close) for start in starts]
        assert [bar["observed_at"] for bar in inside] == ends
        paths[symbol] = [bar["close"] for bar in inside]
    nifty, previous = paths["NIFTY50"], session["1d", "NIFTY50"][0]["close"]
    assert nifty[0] > previous, "gap up"
    assert nifty[105] < previous < nifty[80], "sell-off after 13:30"
    assert nifty[-1] > nifty[105] * 1.003, "short covering"
    for symbol, sign in (("BANKNIFTY", 1), ("SENSEX", 1), ("FINNIFTY", 1), ("INDIAVIX", -1)):
        assert sign * correlation(nifty, paths[symbol]) > 0.8


@pytest.mark.parametrize(("day", "minutes"), [(date(2026, 7, 31), 375), (date(2026, 8, 3), 380)])
def test_a_session_ends_with_the_closing_auction_from_august_2026_on(day: date, minutes: int) -> None:
    made = [bar for bar in demo.bars(demo.SEED, day) if bar["bar_interval"] == "3min"]
    opens = from_ms(day_start_ms(day)) + timedelta(hours=9, minutes=15)
    assert min(bar["bar_start"] for bar in made) == opens
    assert max(bar["observed_at"] for bar in made) == opens + timedelta(minutes=minutes)


def correlation(one: list[float], two: list[float]) -> float:
    mean_one, mean_two = sum(one) / len(one), sum(two) / len(two)
    joint = sum((a - mean_one) * (b - mean_two) for a, b in zip(one, two, strict=True))
    return joint / (sum((a - mean_one) ** 2 for a in one) * sum((b - mean_two) ** 2 for b in two)) ** 0.5
