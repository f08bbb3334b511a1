"""Lexicon rules: direction, view, promotion and class of a post, from its tokens.

v1 is transparent weighted rules. `lexicon.csv` gives the terms (longest phrase first, one reading of each
token), `features` adds the grammar (negation, inversion, intensifiers, option legs, trade plans,
two-sided levels, piles of tags), and `WEIGHTS` turns features into scores. The probabilities are a
logistic squash of those weighted sums and are not yet calibrated. Hashtags, cashtags and handles are
never read for direction.

Kinds in `lexicon.csv` (the weight is a strength unless said otherwise):

=============  =========================================================================================
direction      adds its weight to the post's direction
side           the same (buy, sell), but beside an option leg it only turns the leg
leg            +1 call, -1 put; counts with a strike beside it
loss           a trade that was stopped out: stands in place of its legs and sides
stop, goal,    words of a trade plan; the numbers after them give a direction where nothing else does
entry
call           other signs of a trade or position
view           opinion, expectation, chart reading
levels, market_update, news, education, promo, question, other_asset: evidence for what they name
done           a trade or a profit of the past
neutral        read and dropped, so that its words are not read alone ("buy/sell", "long term")
negator        turns and weakens a direction up to three tokens later; `post_negator`, one before it
inversion      turns a direction up to three tokens later in full ("failed breakout")
intensifier    multiplies a direction up to two tokens later by its weight
tag            a word that usually is a hashtag; some scrapers lose the '#'
=============  =========================================================================================
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.text import CLAUSE_END, STOP_WORDS, normalise, scan

LEXICON = Path(__file__).with_name("lexicon.csv")
CLASSES = ("view", "levels", "market_update", "news", "education", "promo", "other")

_EVIDENCE = ("levels", "market_update", "news", "education", "promo", "done", "question", "other_asset")
_SUMMED = ("call", "view", *_EVIDENCE)
_PRICE_WORDS = ("above", "around", "at", "near")
_PLAN = ("stop", "goal", "entry")
_KINDS = frozenset(
    {*_SUMMED, *_PLAN, "direction", "side", "leg", "loss", "neutral", "tag"}
    | {"negator", "post_negator", "inversion", "intensifier"}
)

# The features of a post, in this order. `signed` is the direction; the rest are evidence, all >= 0.
FEATURES = ("signed", "direction", "leg", "plan", "two_sided", *_SUMMED, "hashtags", "short", "length")

# One row per score, one weight per feature; log-odds for the probabilities, votes for the classes. Set by
# hand, in the light of a small logistic fit on the even-numbered half of the Indian stance labels.
# fmt: off
WEIGHTS: dict[str, dict[str, float]] = {
    "p_view": {
        "bias": -2.3, "direction": 2.5, "leg": 0.3, "plan": 0.5, "call": 0.9, "view": 0.5, "levels": -0.5,
        "news": -0.2, "education": -0.7, "promo": -0.9, "done": -0.8, "question": -0.6,
        "other_asset": -1.3,
    },
    "p_promo": {
        "bias": -2.8, "promo": 3.0, "direction": -1.0, "call": -0.5, "market_update": -0.7, "news": -1.0,
        "education": -0.5, "done": -0.3, "question": -0.4, "other_asset": 0.9, "hashtags": 0.7,
    },
    "view": {
        "bias": 0.0, "direction": 2.2, "leg": 0.4, "plan": 0.4, "call": 1.1, "view": 1.2,
        "education": -0.8, "question": -0.4, "other_asset": -0.8,
    },
    "levels": {
        "bias": -0.8, "levels": 1.8, "two_sided": 2.1, "call": 0.5,
    },
    "market_update": {
        "bias": 0.0, "market_update": 2.0, "view": -0.6,
    },
    "news": {
        "bias": 0.3, "news": 1.8, "direction": -0.6, "view": -0.6, "hashtags": -0.4,
    },
    "education": {
        "bias": -1.2, "education": 2.6, "length": 0.5,
    },
    "promo": {
        "bias": -0.6, "promo": 2.2, "other_asset": 1.0, "hashtags": 0.8,
    },
    "other": {
        "bias": 1.2, "direction": -0.8, "question": 1.2, "done": 0.3, "short": 0.3,
    },
}
# fmt: on

RULES = {
    "negation": -0.75,
    "inversion": -1.0,
    "turn_window": 3,  # tokens that a negator or inversion reaches, within its clause
    "boost_window": 2,  # tokens that an intensifier reaches
    "leg": 1.2,  # an option leg's direction
    "beside_leg": 0.4,  # what other directions count for beside a leg
    "side_before_leg": 5,  # tokens from a side to the leg it turns
    "side_after_leg": 4,
    "min_strike": 50.0,
    "max_legs": 16,  # legs read per post
    "plan": 1.0,  # direction of a trade plan's numbers
    "two_sided": 0.5,  # weaker side over stronger side from which a post is two-sided
    "min_pile": 4,  # bare tags that make a pile
    "sum_cap": 3.0,
    "squash": 2.29,  # one hit of weight 1 gives 0.4
    "view": 0.35,  # p_view from which a label is given; most posts carry none, so half would miss many
    "label": 0.1,  # |sentiment| from which a label is given
    "promo": 0.5,  # p_promo from which the class is promo
}


class Entry(NamedTuple):
    """What follows a term's first token, and every (kind, weight) the term has."""

    rest: tuple[str, ...]
    roles: tuple[tuple[str, float], ...]


class Judgement(NamedTuple):
    """Scores of n posts, one array each of length n."""

    sentiment: NDArray[np.float64]
    """Expected direction in [-1, 1]; shrinks to 0 as `p_view` falls below the view threshold."""
    label: NDArray[np.int8]
    """1 up, -1 down, 0 no view."""
    p_view: NDArray[np.float64]
    """How likely it is that the author takes a side, in (0, 1); not yet calibrated."""
    p_promo: NDArray[np.float64]
    """How likely it is that the post recruits or sells, in (0, 1); not yet calibrated."""
    content_class: list[str]
    """One of `CLASSES`."""


@cache
def lexicon() -> dict[str, tuple[Entry, ...]]:
    """First token of a term -> the entries that start with it, longest first.

    Raises:
        ValueError: a row has an empty term, an unknown kind or a weight that is no number.
    """
    roles: dict[tuple[str, ...], list[tuple[str, float]]] = {}
    with LEXICON.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            term = tuple(scan(normalise(row["term"])))
            if not term or row["kind"] not in _KINDS:
                raise ValueError(f"{LEXICON.name}: empty term or unknown kind: {row}")
            roles.setdefault(term, []).append((row["kind"], float(row["weight"])))
    by_first: dict[str, list[Entry]] = {}
    for term in sorted(roles, key=lambda term: (-len(term), term)):
        by_first.setdefault(term[0], []).append(Entry(term[1:], tuple(roles[term])))
    return {first: tuple(entries) for first, entries in by_first.items()}


@cache
def _tag_words() -> frozenset[str]:
    return frozenset(
        first
        for first, entries in lexicon().items()
        if any(kind == "tag" for entry in entries if not entry.rest for kind, _ in entry.roles)
    )


def _pile_start(tokens: Sequence[str]) -> int:
    """Where a closing pile of bare tags starts; the number of tokens if there is none.

    A tail of `min_pile` words or more, at least half of them usual hashtags and none of them a function
    word, is such a pile.
    """
    words = _tag_words()
    hits = [position for position, token in enumerate(tokens) if token in words]
    if len(hits) < RULES["min_pile"]:
        return len(tokens)
    start = len(tokens)
    while start and (token := tokens[start - 1])[0].isalpha() and token not in STOP_WORDS:
        start -= 1
    hits = [position for position in hits if position >= start]
    for rank, position in enumerate(hits):
        size, of_tags = len(tokens) - position, len(hits) - rank
        if of_tags < RULES["min_pile"]:
            break
        if of_tags >= size / 2:
            return position
    return len(tokens)


def _number(token: str) -> float | None:
    if not token[0].isdigit():
        return None
    try:
        return float(token.replace(",", ""))
    except ValueError:  # a date such as 1.2.25
        return None


def _number_after(tokens: Sequence[str], start: int) -> float | None:
    """The first number among the three tokens from `start`."""
    numbers = (_number(token) for token in tokens[start : start + 3])
    return next((number for number in numbers if number is not None), None)


def _has_strike(tokens: Sequence[str], leg: int) -> bool:
    """Whether a strike stands before the leg word (`24450 ce`), or a strike or price after ce or pe.

    After it, `ce 140` and `ce above 120` will do.
    """
    before = _number(tokens[leg - 1]) if leg else None
    if before is not None and before >= RULES["min_strike"]:
        return True
    after = tokens[leg + 1 : leg + 3] if tokens[leg] in ("ce", "pe") else ()
    if len(after) == 2 and after[0] in _PRICE_WORDS:
        return _number(after[1]) is not None
    strike = _number(after[0]) if after else None
    return strike is not None and strike >= RULES["min_strike"]


def _reach(tokens: Sequence[str], start: int, length: float) -> int:
    """End of the window of `length` tokens from `start`, cut where the clause ends."""
    stop = min(start + int(length), len(tokens))
    return next((position for position in range(start, stop) if tokens[position][0] in CLAUSE_END), stop)


def _plan_direction(stop: float | None, goal: float | None, entry: float | None) -> float:
    """1 if the numbers of a trade plan look up, -1 if down, 0 if they do not say."""
    for low, high in ((stop, entry), (stop, goal), (entry, goal)):
        if low and high and low != high and 0.5 < low / high < 2:
            return math.copysign(1.0, high - low)
    return 0.0


def _legs_direction(legs: list[tuple[int, float]], sides: list[tuple[int, float]]) -> float:
    """The legs' direction in [-1, 1]; takes from `sides` each side that stands by a leg and turns it."""
    total = 0.0
    for position, sign in legs:
        beside = [
            side
            for side in sides
            if position - RULES["side_before_leg"] <= side[0] <= position + RULES["side_after_leg"]
        ]
        if beside:
            nearest = min(beside, key=lambda side: abs(side[0] - position))
            sides.remove(nearest)
            sign = math.copysign(sign, sign * nearest[1])
        total += sign
    return max(-1.0, min(1.0, total))


def _is_bracket(tokens: Sequence[str]) -> bool:
    """Whether the post names one level to be above and one to be below."""
    return (
        "above" in tokens
        and "below" in tokens
        and all(_number_after(tokens, tokens.index(word) + 1) is not None for word in ("above", "below"))
    )


def _longest(candidates: Sequence[Entry], tokens: Sequence[str], start: int) -> Entry | None:
    for entry in candidates:
        if not entry.rest or tuple(tokens[start + 1 : start + 1 + len(entry.rest)]) == entry.rest:
            return entry
    return None


@dataclass(slots=True)
class _Reading:
    """What the lexicon finds in one post's tokens; a position is an index into them."""

    sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_SUMMED, 0.0))
    directions: list[tuple[int, float]] = field(default_factory=list)  # (end of the term, value)
    sides: list[tuple[int, float]] = field(default_factory=list)  # (start of the term, value)
    legs: list[tuple[int, float]] = field(default_factory=list)  # (position, sign)
    plan: dict[str, float | None] = field(default_factory=lambda: dict.fromkeys(_PLAN))
    loss: float = 0.0


def _read(tokens: Sequence[str]) -> _Reading:
    """One pass over the tokens: at each, the longest term that starts there, with what turns or boosts it."""
    entries = lexicon()
    reading = _Reading()
    sums, directions, plan = reading.sums, reading.directions, reading.plan
    turn, turn_end, boost, boost_end, end = 1.0, 0, 1.0, 0, 0
    for start in [position for position, token in enumerate(tokens) if token in entries]:
        if start < end or (entry := _longest(entries[tokens[start]], tokens, start)) is None:
            continue
        end = start + 1 + len(entry.rest)
        for kind, weight in entry.roles:
            if kind in sums:
                sums[kind] += weight
            elif kind == "direction" or kind == "side":
                value = weight * (turn if start < turn_end else 1.0) * (boost if start < boost_end else 1.0)
                if kind == "side":
                    reading.sides.append((start, value))
                else:
                    directions.append((end, value))
            elif kind in plan:
                sums["call"] += weight
                if plan[kind] is None:
                    plan[kind] = _number_after(tokens, end)
            elif kind == "leg":
                if _has_strike(tokens, start):
                    reading.legs.append((start, weight))
            elif kind == "negator" or kind == "inversion":
                turn = RULES["negation" if kind == "negator" else "inversion"]
                turn_end = _reach(tokens, end, RULES["turn_window"])
            elif kind == "intensifier":
                boost, boost_end = weight, _reach(tokens, end, RULES["boost_window"])
            elif kind == "post_negator":
                if directions and start < _reach(tokens, directions[-1][0], RULES["turn_window"]):
                    directions[-1] = (0, directions[-1][1] * RULES["negation"])
            elif kind == "loss":
                reading.loss = weight
    return reading


def _direction(tokens: Sequence[str], reading: _Reading) -> tuple[float, float, float, bool]:
    """Signed direction, |leg|, |plan| and whether the post is two-sided."""
    values = [value for _, value in reading.directions]
    legs = reading.legs[: int(RULES["max_legs"])]
    leg = trend = 0.0
    if reading.loss:
        values.append(reading.loss)
    else:
        if not legs and not reading.sides:
            trend = _plan_direction(**reading.plan)
        leg = _legs_direction(legs, reading.sides)
        values += [value for _, value in reading.sides]
    ups = sum(value for value in values if value > 0)
    downs = -sum(value for value in values if value < 0)
    signed = ups - downs + RULES["plan"] * trend
    if legs and not reading.loss:
        return RULES["leg"] * leg + RULES["beside_leg"] * signed, abs(leg), abs(trend), leg == 0
    if reading.plan["stop"] is None and _is_bracket(tokens):
        return 0.0, 0.0, abs(trend), True
    return signed, 0.0, abs(trend), min(ups, downs) >= max(0.4, RULES["two_sided"] * max(ups, downs))


def _opens_on(tokens: Sequence[str], kind: str) -> float:
    """Weight of the hashtags among the first four tokens that are terms of `kind`."""
    return sum(
        weight
        for token in tokens[:4]
        if token[0] == "#"
        for entry in lexicon().get(token[1:], ())
        for role, weight in entry.roles
        if role == kind and not entry.rest
    )


def features(tokens: Sequence[str]) -> tuple[float, ...]:
    """The values of `FEATURES` for one post, from its tokens as `text.scan` gives them."""
    body = tokens[: _pile_start(tokens)]
    initials = [token[0] for token in body]
    reading = _read(body)
    if "#" in initials[:4]:
        reading.sums["other_asset"] += _opens_on(body, "other_asset")
    signed, leg, plan, two_sided = _direction(body, reading)
    tags = initials.count("#") + len(tokens) - len(body)
    words = sum(map(str.isalnum, initials))
    return (
        signed,
        min(abs(signed), 2.0),
        leg,
        plan,
        float(two_sided),
        *(min(value, RULES["sum_cap"]) for value in reading.sums.values()),
        min(tags, 12) / 4,
        max(0.0, 1 - words / 8),
        min(words, 60) / 20,
    )


def _logistic(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([1 / (1 + math.exp(-score)) for score in scores.tolist()], np.float64)


def judge(posts: Iterable[Sequence[str]]) -> Judgement:
    """Scores of posts given as tokens from `text.scan`; each depends on its own tokens alone, bit by bit."""
    rows = np.array([features(tokens) for tokens in posts], np.float64).reshape(-1, len(FEATURES))
    # Sums by column and scalar exponentials, since matrix kernels may round by the batch's shape.
    scores = {name: np.full(len(rows), weights["bias"]) for name, weights in WEIGHTS.items()}
    for column, feature in enumerate(FEATURES):
        for name, weights in WEIGHTS.items():
            if feature in weights:
                scores[name] += weights[feature] * rows[:, column]
    p_view, p_promo = _logistic(scores["p_view"]), _logistic(scores["p_promo"])
    signed = rows[:, 0]
    direction = signed / np.sqrt(signed * signed + RULES["squash"] ** 2)
    sentiment = direction * np.minimum(1.0, p_view / RULES["view"])
    is_view = (p_view >= RULES["view"]) & (np.abs(sentiment) >= RULES["label"])
    winners = np.argmax(np.stack([scores[name] for name in CLASSES]), axis=0)
    winners[p_promo >= RULES["promo"]] = CLASSES.index("promo")
    return Judgement(
        sentiment,
        np.where(is_view, np.sign(sentiment), 0).astype(np.int8),
        p_view,
        p_promo,
        [CLASSES[winner] for winner in winners.tolist()],
    )
