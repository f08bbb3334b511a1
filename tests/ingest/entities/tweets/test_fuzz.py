"""10,000 mutated payloads, as files, through the archive source into a real data root.

Each file holds one payload: a response of X's search in which one entry was mutated, or the whole
response, or its bytes; or a page with a mutated card. Real entries and cards take part where they
are at hand; of the real responses single entries are mutated, not the 200 to 600 kB around them.
Every one ends landed, excluded or quarantined. A payload is made from ``SEED`` and its number alone.
"""

from __future__ import annotations

import copy
import io
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from config import ROOT, Settings
from ingest.entities import Captured, Excluded, Item, Quarantined
from ingest.progress import Progress
from ingest.runs import run
from ingest.sources.archive import records
from tests.ingest.entities.tweets.x_page import actions, card, cell, emoji, link, page, quote, span

SEED = 1
PAYLOADS = 10_000
EVERY_TIME = 3_000  # of them in `make test`, all of them in `make test-faults`
FILES = 1_000  # payloads of one test, landed as one batch
SENTINEL = 1_962_000_000_000_000_000  # plus the payload's number: a sound post beside the mutated one
SHARED = ROOT.parent / "shared" / "data"


# ---- What is mutated ------------------------------------------------------------------------------


def author(*, is_modern: bool = False) -> dict[str, Any]:
    old = {"legacy": {"screen_name": "writer", "name": "A Writer 📈", "followers_count": 12}}
    new = {
        "core": {"screen_name": "writer", "name": "A Writer", "created_at": "Sun Aug 31 14:22:53 +0000 2014"},
        "relationship_counts": {"followers": 12, "following": 3},
    }
    user = {"__typename": "User", "rest_id": "77", **(new if is_modern else old)}
    return {"user_results": {"result": user}}


def entities(text: str = "Nifty50") -> dict[str, Any]:
    return {
        "hashtags": [{"text": text, "indices": [0, 8]}],
        "symbols": [{"text": "INFY", "indices": [9, 14]}],
        "user_mentions": [{"screen_name": "other", "id_str": "5"}],
        "urls": [{"url": "https://t.co/x", "expanded_url": "https://example.com/long"}],
    }


def post(number: int, *, is_modern: bool = False, **changes: Any) -> dict[str, Any]:
    tweet_id = str(1962159159849414952 + number)
    legacy = {
        "id_str": tweet_id,
        "created_at": "Sun Aug 31 14:22:53 +0000 2025",
        "full_text": "R&amp;D up #Nifty50 $INFY @other https://t.co/x",
        "lang": "en",
        "conversation_id_str": "5",
        "in_reply_to_status_id_str": "6",
        "favorite_count": 3,
        "retweet_count": 2,
        "reply_count": 1,
        "quote_count": 0,
        "bookmark_count": 4,
        "entities": entities(),
        **changes.pop("legacy", {}),
    }
    return {
        "__typename": "Tweet",
        "rest_id": tweet_id,
        "core": author(is_modern=is_modern),
        "views": {"count": "1500", "state": "EnabledWithCount"},
        "edit_control": {"edit_tweet_ids": [tweet_id]},
        "legacy": legacy,
        **changes,
    }


def entry(result: object, entry_id: str = "tweet-1", **content: Any) -> dict[str, Any]:
    item = {"itemType": "TimelineTweet", "tweet_results": {"result": result}, **content}
    return {"entryId": entry_id, "sortIndex": "1", "content": {"itemContent": item}}


def synthetic_entries() -> list[dict[str, Any]]:
    """One entry of every type and generation."""
    note = {"note_tweet_results": {"result": {"text": "Long text", "entity_set": entities("Long")}}}
    edits = {"edit_control_initial": {"edit_tweet_ids": ["9", "10"]}, "initial_tweet_id": "9"}
    repost = {"full_text": "RT @writer: R…", "retweeted_status_result": {"result": post(8, note_tweet=note)}}
    stub = {"result": {"__typename": "Tweet", "rest_id": "3"}}
    prompt = {"itemContent": {"itemType": "TimelineMessagePrompt", "content": {}}}
    grid = {"entryId": "grid-0-tweet-2", "item": entry(post(13))["content"]}
    return [
        entry(post(1)),
        entry(post(2, is_modern=True)),
        entry(post(3, note_tweet=note, is_modern=True)),
        entry({**post(4, note_tweet=note), "legacy": None}),
        entry(post(5, edit_control=edits)),
        entry(post(6, quoted_status_result={"result": post(7, quoted_status_result=stub)})),
        entry(post(9, quotedRefResult=stub)),
        entry(post(10, legacy=repost)),
        entry({"__typename": "TweetWithVisibilityResults", "tweet": post(11), "limitedActionResults": {}}),
        entry({"__typename": "TweetTombstone", "tombstone": {"text": {"text": "This Post is gone."}}}),
        entry({"__typename": "TweetUnavailable", "reason": "Suspended"}),
        entry({"__typename": "TweetPreviewDisplay", "tweet": post(12)}),
        entry(None),
        entry(post(14), "promoted-tweet-5-ab"),
        entry(post(15), promotedMetadata={"advertiser_results": {"result": {}}}),
        {"entryId": "search-grid-0", "content": {"entryType": "TimelineTimelineModule", "items": [grid]}},
        {"entryId": "messageprompt-1", "content": prompt},
        {"entryId": "cursor-bottom-0", "content": {"cursorType": "Bottom", "value": "DAAC"}},
    ]


def response(*entries: object, more: tuple[object, ...] = ()) -> dict[str, Any]:
    instructions = [{"type": "TimelineAddEntries", "entries": list(entries)}, *more]
    timeline = {"timeline": {"instructions": instructions}}
    return {"data": {"search_by_raw_query": {"search_timeline": timeline}}}


def whole_response() -> dict[str, Any]:
    in_module = {"entryId": "grid-0-tweet-16", "item": entry(post(16))["content"]}
    cursor = {"entryId": "cursor-top-1", "content": {"cursorType": "Top", "value": "x"}}
    more = (
        {"type": "TimelineReplaceEntry", "entry_id_to_replace": "cursor-top-0", "entry": cursor},
        {"type": "TimelineReplaceEntry", "entry": entry(post(17))},
        {"type": "TimelinePinEntry", "entry": entry(post(18))},
        {"type": "TimelineAddToModule", "moduleItems": [in_module]},
        {"type": "TimelineTerminateTimeline", "direction": "Bottom"},
    )
    return response(*synthetic_entries(), more=more)


def synthetic_cards() -> list[str]:
    text = emoji("🚀") + span(" up ") + link("/hashtag/Nifty50", "#Nifty50") + span(" ")
    text += link("https://t.co/x", "https://", "example.com/lo", "ng", "…")
    context = f'<div><a href="/fan"><span data-testid="socialContext">{span("Fan reposted")}</span></a></div>'
    context += f"<div>Replying to <div>{link('/other', '@other')}</div></div>"
    more = '<button data-testid="tweet-text-show-more-link">Show more</button>'
    photo = '<a href="/writer/status/11/photo/1"><div data-testid="tweetPhoto"><img alt="Image"></div></a>'
    return [
        card("11", text=text, before=context, after=more + quote()),
        card("12", text=None, after=photo, groups=actions("1.2K likes, 12.3L views", buttons="")),
        cell(card("13", time="<span>Ad</span>"), is_advert=True),
    ]


@dataclass(frozen=True)
class Corpus:
    """JSON texts of entries, HTML of cards, and one response with everything in it."""

    entries: list[str]
    cards: list[str]
    whole: str


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    entries = [json.dumps(value) for value in synthetic_entries()]
    cards = synthetic_cards()
    for file in sorted((SHARED / "x_payloads").glob("*.json")):
        timeline = json.loads(file.read_text())["data"]["search_by_raw_query"]["search_timeline"]["timeline"]
        found = [real for step in timeline["instructions"] for real in step.get("entries", ())]
        entries += [json.dumps(real) for real in found if not real["entryId"].startswith("cursor")]
    for file in sorted((SHARED / "x_html").glob("*.html")):
        cards.append(f'<article data-testid="tweet">{file.read_text()}</article>')
    return Corpus(entries, cards, json.dumps(whole_response()))


# ---- How it is mutated ----------------------------------------------------------------------------

ODD: list[Any] = [
    *(None, True, False, 0, -1, 2**63, 10**30, 1.5, 1e300, float("nan"), float("inf"), "", " ", [], {}),
    *("\ud800", "\udcff tail", "\x00", "x" * 5_000, "५", "🚀", "-5", "0" * 30, "9" * 20, "NaN", "null"),
    *(["\ud800"], [[]], [None], {"": None}, {"result": None}, {"\ud800": "\ud800"}, [{}] * 5),
    *("Sun Aug 31 14:22:53 +0000 2025", "TweetTombstone", "tweet-5", "cursor-1", "promoted-", {"rest_id": 5}),
]
TOKENS = [
    *(b"\\ud800", b"\\u0000", b"null", b"1e999", b"NaN", b"-", b"{", b"}", b"[", b"]", b'"', b"\\", b","),
    *(
        b":",
        b"\xff",
        b"\xc3",
        b"\x00",
        b"\r\n",
        b"\n",
        b"\xef\xbb\xbf",
        b"9" * 400,
        b"9" * 5_000,
        b"[" * 3_000,
    ),
    *(b"<", b">", b"</article>", b"<article data-testid=tweet>", b"<!--", b"</div>", b"<div>" * 3_000),
    *(
        b"&#0;",
        b"&#xD800;",
        b"&lt;",
        b"<script>",
        b"\xed\xa0\x80",
        b"data-testid",
        b"'",
        b"/status/",
        b"</a>",
    ),
]
TAG = re.compile(r"(<[^>]+>)")


def odd(dice: random.Random) -> Any:
    return copy.deepcopy(dice.choice(ODD))


def place(value: Any, dice: random.Random) -> tuple[Any, Any] | None:
    """A container and a key of it, at any depth."""
    at = None
    while isinstance(value, dict | list) and value:
        key = dice.choice(list(value)) if isinstance(value, dict) else dice.randrange(len(value))
        at = (value, key)
        if dice.random() < 0.12:
            break
        value = value[key]
    return at


def mutate_value(value: Any, dice: random.Random, donor: Callable[[], Any]) -> Any:
    """Replace, delete, duplicate, retype, wrap, rename or graft nodes of a JSON value."""
    for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
        at = place(value, dice)
        if at is None:
            return odd(dice)
        inside, key = at
        old = inside[key]
        match dice.randrange(8):
            case 0 | 1:
                inside[key] = odd(dice)
            case 2:
                del inside[key]
            case 3 if isinstance(inside, list):
                inside[key:key] = [old] * dice.choice((1, 2, 30))
            case 3:
                inside[key + dice.choice(("2", " ", "\ud800", "__typename"))] = old
            case 4:
                inside[key] = retyped(old)
            case 5:
                inside[key] = dice.choice(
                    ([old], {"result": old}, {"tweet": old}, {str(key): old}, [[old], old])
                )
            case 6:
                graft = donor()
                inside[key] = graft if (found := place(graft, dice)) is None else found[0][found[1]]
            case _:
                sibling = (
                    dice.choice(list(inside)) if isinstance(inside, dict) else dice.randrange(len(inside))
                )
                inside[key], inside[sibling] = inside[sibling], inside[key]
    return value


def retyped(value: Any) -> Any:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list):
        return {str(number): item for number, item in enumerate(value)}
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() else [value]
    return str(value)


def mutate_bytes(data: bytes, dice: random.Random) -> bytes:
    """Flip, cut, repeat, insert and truncate."""
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        if not data:
            return data
        start = dice.randrange(len(data))
        end = min(len(data), start + dice.choice((1, 2, 10, 300)))
        match dice.randrange(6):
            case 0:
                data = data[:start] + bytes([dice.randrange(256)]) + data[start + 1 :]
            case 1:
                data = data[:start] + data[end:]
            case 2:
                data = data[:end] + data[start:]
            case 3 | 4:
                data = data[:start] + dice.choice(TOKENS) + data[start:]
            case _ if dice.random() < 0.3:
                data = data[:start]
    return data


def mutate_tags(html: str, dice: random.Random) -> str:
    """Delete, repeat, exchange, replace and blunt tags and the words between them."""
    pieces = TAG.split(html)
    for _ in range(dice.choice((1, 2, 4, 10, 40))):
        at, other = dice.randrange(len(pieces)), dice.randrange(len(pieces))
        match dice.randrange(5):
            case 0:
                pieces[at] = ""
            case 1:
                pieces[at] *= dice.choice((2, 3, 50))
            case 2:
                pieces[at], pieces[other] = pieces[other], pieces[at]
            case 3:
                pieces[at] = str(odd(dice))
            case _:
                pieces[at] = re.sub(
                    r"[\w/]+\"", lambda _: dice.choice(('"', 'x"', 'tweet"', '/status/1"')), pieces[at]
                )
    return "".join(pieces)


# ---- The payloads ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Payload:
    """The bytes of a file. ``keeps_sentinel``: the sound post in it must be captured."""

    data: bytes
    keeps_sentinel: bool = False
    is_broken: bool = False
    is_page: bool = False


def payload(number: int, corpus: Corpus) -> Payload:
    """Mutated payload ``number``; its kind goes by its place among sixteen."""
    dice = random.Random(f"{SEED}:{number}")
    sentinel = str(SENTINEL + number)
    sound = entry({**post(0), "rest_id": sentinel}, f"tweet-{sentinel}")

    def donor() -> Any:
        return json.loads(dice.choice(corpus.entries))

    kind = number % 16
    if kind < 7:  # an entry
        mutated = mutate_value(donor(), dice, donor)
        return Payload(dumped(response(mutated, sound), dice), keeps_sentinel=True)
    if kind < 11:  # the bytes of a response, by itself or behind a sound one, so that they are a stream's
        text = json.dumps(response(donor(), sound), indent=1 if dice.random() < 0.1 else None)
        data = mutate_bytes(text.encode(), dice)
        before = dumped(response(sound), dice) + b"\n" if kind > 8 else b""
        is_kept = bool(before) and b"\x00" not in data
        return Payload(before + data, keeps_sentinel=is_kept, is_broken=not is_json(data))
    if kind < 12:  # a whole response
        return Payload(dumped(mutate_value(json.loads(corpus.whole), dice, donor), dice))
    if kind < 14:  # a card
        html = mutate_tags(dice.choice(corpus.cards), dice)
        data = page(cell(card(sentinel)), cell(html)).encode("utf-8", "surrogatepass")
        return Payload(data, keeps_sentinel=b"\x00" not in data, is_page=True)
    cards = dice.choices(corpus.cards[:3], k=3)  # the bytes of a page
    return Payload(mutate_bytes(page(*map(cell, cards)).encode(), dice), is_page=True)


def dumped(value: object, dice: random.Random) -> bytes:
    return json.dumps(value, ensure_ascii=dice.random() < 0.7).encode("utf-8", "surrogatepass")


def is_json(data: bytes) -> bool:
    """Whether the bytes are JSON, or nothing."""
    try:
        json.loads(data.decode("utf-8-sig", "surrogateescape"))
    except (ValueError, RecursionError):
        return not data.strip()
    return True


# ---- What must hold -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(first, marks=[pytest.mark.faults] if first >= EVERY_TIME else [])
        for first in range(0, PAYLOADS, FILES)
    ],
)
def test_every_mutated_payload_lands_or_is_kept_with_a_reason(
    first: int, corpus: Corpus, tmp_path: Path, root: Settings
) -> None:
    folder = tmp_path / "payloads"
    folder.mkdir()
    made = {number: payload(number, corpus) for number in range(first, first + FILES)}
    for number, mutated in made.items():
        (folder / f"{number:05}").write_bytes(mutated.data)

    items = list(records([folder]))
    found: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        assert isinstance(item, Captured | Excluded | Quarantined)
        found[int(Path(item.origin.file).name)].append(item)
    for number, mutated in made.items():
        told = f"seed {SEED}, payload {number}: {[getattr(item, 'reason', '') for item in found[number]]}"
        ids = {item.fields["tweet_id"] for item in found[number] if isinstance(item, Captured)}
        is_kept = str(SENTINEL + number) in ids
        assert is_kept or not mutated.keeps_sentinel, told
        # Sound JSON may have lost its entries; a page and broken JSON hold something in any case.
        assert found[number] or not mutated.is_page, told
        is_fault = any(isinstance(item, Quarantined) for item in found[number])
        assert is_fault or is_kept or not mutated.is_broken, told

    result = run(root, "archive", "fuzz", lambda _: iter(items), Progress(Console(file=io.StringIO())))
    counts = result.counts["tweets"]
    told = f"seed {SEED}, payloads from {first}: {counts.line()} {result.message}"
    kinds = Counter(type(item) for item in items)
    assert (result.status, counts.read) == ("succeeded", len(items)), told
    # Every record that was captured fits the schema and lands, or is a sighting that did.
    assert counts.landed + counts.unchanged == kinds[Captured], told
    assert counts.excluded.total() == kinds[Excluded], told
    assert counts.quarantined == kinds[Quarantined], told
    landed = sum(pq.read_metadata(path).num_rows for path in root.raw.glob("tweets/dt=*/*.parquet"))
    assert landed == counts.landed > FILES / 2, told


def test_the_fuzz_reaches_every_outcome(corpus: Corpus, tmp_path: Path) -> None:
    """A fuzz that only ever breaks the file, or never, would prove little."""
    for number in range(500):
        (tmp_path / f"{number:05}").write_bytes(payload(number, corpus).data)
    reasons = Counter(getattr(item, "reason", "captured") for item in records([tmp_path]))
    assert reasons.keys() >= {
        *("captured", "promoted_entry", "nested_quote", "nested_retweet", "duplicate_in_response"),
        *("tombstone", "unavailable", "preview", "malformed_entry", "no_id"),
        *("invalid_json", "unrecognised_file", "truncated_file"),
    }
