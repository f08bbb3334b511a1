"""The lexicon rules: what the grammar does, on examples; ranges and independence, on anything."""

from __future__ import annotations

import csv
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.rules import FEATURES, KINDS, LEXICON, lexicon, read
from ml.text import normalise, normalise_array
from ml.tokens import PUNCT, tokenise


def features(text: str) -> dict[str, float]:
    found, _ = read(tokenise(pa.array([normalise(text)])))
    return dict(zip(FEATURES, found[0].tolist(), strict=True))


def direction(text: str) -> float:
    """Up less down, before it is squashed."""
    return math.atanh(features(text)["signed"])


def hits(*texts: str) -> list[tuple[int, str, str, float]]:
    """Text, term, kind and value of all that was read, and the term stands where it is said to."""
    tokens = tokenise(normalise_array(pa.array(texts)))
    _, found = read(tokens, n_hits=100)
    listed = []
    for start, entry, kind, value in zip(*found, strict=True):
        term = lexicon().terms[entry]
        assert tokens.text(start) == term.split()[0]
        row = int(np.searchsorted(tokens.rows, start, "right")) - 1
        listed.append((row, term, KINDS[kind], round(float(value), 6)))
    return listed


def rows_of_the_lexicon() -> list[dict[str, str]]:
    with LEXICON.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


UP = [
    "Nifty 24450 ce",
    "NIFTY 24500CE above 120 sl 100 tgt 150",
    "BUY ASHOK LEYLAND CE 140 AROUND 1.75",
    "CE above 120",
    "sell nifty 24500 pe",
    "24500 pe sell at 80",
    "short covering in banknifty",
    "put writing at 24500",
    "bear trap today",
    "buy on dips",
    "RELIANCE cmp 1400 sl 1350 target 1500",
    "TCS above 3,000, sl 2,950",
    "market me tezi",
    "upar jayega",
    "बाजार में तेजी",
    "very bullish on nifty",
    "golden cross on weekly chart",
    "don't sell",
    "bias +ve",
    "🚀🚀",
]
DOWN = [
    "52000 pe",
    "NIFTY 24500 PUT",
    "sell 24500 ce",
    "buy banknifty 52000 pe now",
    "52000 pe buy above 200",
    "long unwinding seen",
    "call writing at 25000",
    "bull trap",
    "sell on rise",
    "TCS cmp 3000 sl 3100 target 2800",
    "failed breakout",
    "fake breakout in nifty",
    "not bullish",
    "never buy this",
    "तेजी नहीं आएगी",
    "tezi nahi dikh rahi",
    "mandi aayegi",
    "girawat",
    "neeche jayega",
    "बाजार में मंदी",
    "head and shoulders on the chart",
    "sl hit",
    "📉",
]
NEITHER = [
    "",
    "Nifty",
    "buy/sell",
    "no buy or sell recommendation",
    "long term investors",
    "above 24500 buy below 24400 sell",
    "buy above 24500 and sell below 24400",
    "need a clean breakout above 25,155 or below 24,330",
    "24500 ce and 24500 pe",
    "CAS session begins at 3:30",
    "#crash #bearish #Nifty",
    "$CRASH",
    "@bullish_trader",
    "PE : 3, Book Value",
    "call me tomorrow",
    "put it on the list",
    "Nifty closed at 24,450",
    "Nifty50 stockmarketcrash niftycrash crash stocks intraday",
]


@pytest.mark.parametrize("text", UP)
def test_reads_up(text: str) -> None:
    assert direction(text) > 0


@pytest.mark.parametrize("text", DOWN)
def test_reads_down(text: str) -> None:
    assert direction(text) < 0


@pytest.mark.parametrize("text", NEITHER)
def test_reads_no_direction(text: str) -> None:
    assert direction(text) == 0


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ("bullish", "very bullish"),
        ("mildly bullish", "bullish"),
        ("not bullish", "bullish"),
        ("bearish", "not bearish"),
        ("24500 ce sl hit", "24500 ce"),
    ],
)
def test_direction_is_ordered(weaker: str, stronger: str) -> None:
    assert direction(weaker) < direction(stronger)


def test_negation_stops_at_the_end_of_its_clause() -> None:
    assert direction("not bullish") < 0 < direction("no. bullish")
    assert direction("bullish. nahi") == direction("bullish") > 0 > direction("bullish nahi")


def test_negation_reaches_three_tokens() -> None:
    assert direction("not a very bullish") < 0
    assert direction("not a b c bullish") == direction("bullish")


def test_negation_weakens_and_inversion_turns_in_full() -> None:
    assert direction("not bullish") == pytest.approx(-0.75 * direction("bullish"))
    assert direction("failed breakout") == pytest.approx(-direction("breakout"))


def test_intensifier_reaches_two_tokens_within_its_clause() -> None:
    assert direction("very a bullish") > direction("very a b bullish") == direction("very. bullish")


def test_longest_phrase_wins() -> None:
    assert direction("short") < 0 < direction("short covering")
    assert direction("long") > 0 > direction("long unwinding")
    assert {term for _, term, _, _ in hits("short covering")} == {"short covering"}


def test_hashtags_do_not_change_the_direction() -> None:
    assert direction("Nifty bullish") == direction("Nifty bullish #crash #bearish #mandi")


def test_a_loss_stands_in_place_of_its_leg() -> None:
    assert direction("sl hit in nifty 24500 ce") == direction("sl hit in nifty 24500 pe") < 0


def test_a_leg_needs_a_strike() -> None:
    assert features("nifty 24500 ce")["leg"] == 1
    assert features("nifty 24500 pe")["leg"] == 1
    assert features("nifty pe") == features("nifty xx")
    assert features("nifty 40 ce")["leg"] == 0
    assert features("24500 ce 24500 pe")["leg"] == 0


def test_a_side_turns_the_nearest_leg() -> None:
    assert direction("sell 24500 ce") == pytest.approx(-direction("24500 ce"))
    assert direction("24500 ce sell") == direction("buy 24500 pe") == direction("24500 pe")
    assert features("sell 24500 ce. 24600 ce")["leg"] == 0  # one each way


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("sl 90 target 120", 1),
        ("sl 120 target 90", 1),
        ("sl 90 target 900", 0),  # not of one price
        ("target 120", 0),
        ("sl target", 0),
        ("buy, sl 90 target 120", 0),  # said in words already
    ],
)
def test_a_plan_speaks_where_nothing_else_does(text: str, plan: float) -> None:
    assert features(text)["plan"] == plan
    if plan:
        assert np.sign(direction(text)) == (1 if text.startswith("sl 90") else -1)


def test_two_sided_levels() -> None:
    assert features("above 24500 buy below 24400 sell")["two_sided"] == 1
    assert features("bullish but also bearish")["two_sided"] == 1
    assert features("24500 ce and 24500 pe")["two_sided"] == 1
    assert features("bullish")["two_sided"] == 0
    # A stop loss says which of the two is meant.
    assert features("above 24500 buy, below 24400 sl 24400")["two_sided"] == 0


def test_good_and_bad_news_is_no_direction() -> None:
    good, bad = features("company wins order"), features("profit falls")
    assert good["signed"] == bad["signed"] == 0
    assert good["event"] > 0 > bad["event"]
    assert (good["event_up"] > 0, good["event_down"]) == (True, 0)
    assert (bad["event_up"], bad["event_down"] > 0) == (0, True)
    assert (good["event_first"], good["event_last"], good["event_mixed"]) == (1, 1, 0)
    assert (bad["event_first"], bad["event_last"], bad["event_mixed"]) == (-1, -1, 0)


def test_order_of_good_and_bad_news_is_kept() -> None:
    down_up = features("profit falls. company wins order")
    assert (down_up["event_first"], down_up["event_last"], down_up["event_mixed"]) == (-1, 1, 1)
    up_down = features("company wins order. profit falls")
    assert (up_down["event_first"], up_down["event_last"], up_down["event_mixed"]) == (1, -1, 1)
    assert up_down["event_up"] == pytest.approx(down_up["event_up"])
    assert up_down["event"] == pytest.approx(down_up["event"])


def test_negation_turns_news_too() -> None:
    assert features("no default")["event"] > 0 > features("default")["event"]


def test_what_a_text_is_like() -> None:
    assert features("#a #b #c #d")["hashtags"] == 1
    assert features("nifty stockmarket intraday banknifty trading")["hashtags"] > 0  # tags without their '#'
    assert features("")["short"] == 1
    assert features("one two three four 5 6 7 8")["short"] == 0
    assert features("word " * 30)["length"] == 1.5
    assert features("word " * 300)["length"] == 3
    assert features("one, (two) - three!")["length"] == features("one two three")["length"]


def test_another_market_in_an_early_hashtag_is_read() -> None:
    assert features("#bitcoin levels")["other_asset"] == features("bitcoin levels")["other_asset"] > 0
    assert features("a b c d #bitcoin")["other_asset"] == 0


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Join our telegram channel for free calls, link in bio", "promo"),
        ("Subscribe to the channel, dm for paid membership on whatsapp", "promo"),
        ("Nifty support 24300 resistance 24700", "levels"),
        ("Top gainers and top losers today, FII and DII data", "market_update"),
        ("Company reports Q2 revenue up 12% yoy, net profit at Rs 120 crore", "news"),
        ("Lesson: risk management and discipline. Psychology is the mindset to learn", "education"),
    ],
)
def test_evidence_for_a_class_adds_up(text: str, kind: str) -> None:
    found = features(text)
    sums = {name: found[name] for name in ("promo", "levels", "market_update", "news", "education")}
    assert max(sums, key=lambda name: sums[name]) == kind
    weights = sum(value for _, _, read_as, value in hits(text) if read_as == kind)
    assert found[kind] == pytest.approx(min(weights, 3.0))


def test_plain_talk_is_evidence_for_nothing() -> None:
    found = features("Hello friends")
    assert not any(value for name, value in found.items() if name not in ("short", "length"))


def test_hits_say_what_was_read() -> None:
    weight = {(row["term"], row["kind"]): float(row["weight"]) for row in rows_of_the_lexicon()}
    found = hits("Nifty", "not bullish. very bearish", "", "24500 ce", "ce")
    assert [hit for hit in found if hit[2] in ("direction", "leg", "negator", "intensifier")] == [
        (1, "not", "negator", weight["not", "negator"]),
        (1, "bullish", "direction", pytest.approx(-0.75 * weight["bullish", "direction"])),
        (1, "very", "intensifier", weight["very", "intensifier"]),
        (1, "bearish", "direction", weight["very", "intensifier"] * weight["bearish", "direction"]),
        (3, "ce", "leg", 1),
    ]


def test_hits_stop_at_the_room_for_them() -> None:
    tokens = tokenise(pa.array(["mandi " * 9]))
    whole, none = read(tokens)
    assert [len(column) for column in none] == [0] * 4
    _, everything = read(tokens, n_hits=100)
    for room in (1, 2, 5):
        some, kept = read(tokens, n_hits=room)
        assert np.array_equal(whole, some)
        assert [len(column) for column in kept] == [room] * 4
        assert kept.starts.tolist() == everything.starts[:room].tolist()


def test_every_row_of_the_lexicon_is_read() -> None:
    rows = rows_of_the_lexicon()
    words = lexicon()
    assert len({(normalise(row["term"]).lower(), row["kind"]) for row in rows}) == len(rows)
    assert len(words.kinds) == len(words.weights) == words.roles[-1] == len(rows)
    assert Counter(KINDS[kind] for kind in words.kinds) == Counter(row["kind"] for row in rows)
    # A term is found in its own text, in every role; legs but with a strike.
    terms = [normalise(row["term"]) for row in rows]
    tokens = tokenise(pa.array([f"{term} 24500" for term in terms]))
    _, found = read(tokens, n_hits=20 * len(rows))
    read_as = {
        (int(np.searchsorted(tokens.rows, start, "right")) - 1, int(start), KINDS[kind])
        for start, kind in zip(found.starts, found.kinds, strict=True)
    }
    unread = []
    for row, each in enumerate(rows):
        places = range(tokens.rows[row], tokens.rows[row + 1])
        first = next(place for place in places if tokens.kinds[place] != PUNCT)
        if (row, first, each["kind"]) not in read_as:
            unread.append((each["term"], each["kind"]))
    assert unread == [(term, kind) for term, kind in unread if kind == "leg"]


@pytest.mark.parametrize("row", ["🤷‍♂️‍,1,nonsense", ",1,direction", "--,1,direction", "word,much,direction"])
def test_a_bad_row_is_refused(row: str, tmp_path: Path) -> None:
    path = tmp_path / "lexicon.csv"
    path.write_text(f"term,weight,kind\n{row}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"lexicon.csv|much"):
        lexicon(path)


LIMITS = {
    "signed": (-1, 1), "direction": (0, 2), "leg": (0, 1), "plan": (0, 1), "two_sided": (0, 1),
    "hashtags": (0, 3), "short": (0, 1), "length": (0, 3), "event": (-1, 1), "event_up": (0, 1.5),
    "event_down": (0, 1.5), "event_first": (-1, 1), "event_last": (-1, 1), "event_mixed": (0, 1),
}  # fmt: skip
lexicon_posts = st.lists(
    st.sampled_from([row["term"] for row in rows_of_the_lexicon()])
    | st.sampled_from(["24500", "120", "1.5", ".", ",", "#nifty", "$tcs", "above 5", "ce", "24450 pe", "not"])
).map(" ".join)
posts = st.lists(st.text() | lexicon_posts, max_size=5)


@settings(deadline=None)
@given(posts)
def test_features_are_within_limits_and_of_their_own_text_alone(texts: list[str]) -> None:
    array = normalise_array(pa.array(texts, pa.string()))
    together, found = read(tokenise(array), n_hits=1000)
    assert together.shape == (len(texts), len(FEATURES))
    for column, name in enumerate(FEATURES):
        low, high = LIMITS.get(name, (0, 3))
        assert (low <= together[:, column]).all()
        assert (together[:, column] <= high).all()
    alone = [read(tokenise(array[row : row + 1]), n_hits=1000) for row in range(len(array))]
    assert b"".join(each.tobytes() for each, _ in alone) == together.tobytes()
    assert [v for _, each in alone for v in each.values.tolist()] == found.values.tolist()
    assert [v for _, each in alone for v in each.entries.tolist()] == found.entries.tolist()


@settings(deadline=None)
@given(lexicon_posts, st.lists(st.sampled_from(["#bearish", "#crash", "$up", "@bullish", "a@bullish.in"])))
def test_tags_and_handles_at_the_end_are_not_read_for_direction(text: str, tags: list[str]) -> None:
    names = ("signed", "direction", "leg", "plan", "two_sided", "event")
    plain, tagged = features(f"{text} ."), features(" ".join([text, ".", *tags]))
    assert [tagged[name] for name in names] == [plain[name] for name in names]


def test_no_posts() -> None:
    found, none = read(tokenise(pa.array([], pa.string())), n_hits=5)
    assert found.shape == (0, len(FEATURES))
    assert [len(column) for column in none] == [0] * 4


def test_more_sides_and_legs_than_are_kept() -> None:
    assert features("sell " * 100)["signed"] < 0 < features("24500 ce " * 100)["signed"]
