"""Lexicon rules: what a trader's grammar finds in a post, as numbers for the linear model.

`lexicon.csv` gives the terms (longest phrase first, one reading of each token); `read` adds the grammar:
negation, inversion, intensifiers, option legs, trade plans, two-sided levels, piles of tags. Hashtags,
cashtags and handles are never read for direction.

Kinds in `lexicon.csv` (the weight is a strength unless said otherwise):

=============  =========================================================================================
direction      adds its weight to the post's direction
side           the same (buy, sell), but beside an option leg it only turns the leg
leg            +1 call, -1 put; counts with a strike beside it
loss           a trade that was stopped out: stands in place of its legs and sides
stop, goal,    words of a trade plan; the numbers after them give a direction where nothing else does
entry
event          news that is good (> 0) or bad (< 0) for a company or a market; no view of the author's
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
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from ml.text import STOP_WORDS, normalise
from ml.tokens import (
    CLAUSE,
    HASHTAG,
    NUMBER,
    PUNCT,
    WORD,
    HashIndex,
    Tokens,
    find,
    hash_bytes,
    index,
    mix,
    tokenise,
)

LEXICON = Path(__file__).with_name("lexicon.csv")

# The kinds whose weights add up, in the order of their features; then those that the grammar reads.
_SUMMED = (
    "call", "view", "levels", "market_update", "news", "education", "promo", "done", "question",
    "other_asset",
)  # fmt: skip
_GRAMMAR = (
    "direction", "side", "leg", "loss", "stop", "goal", "entry", "event", "negator", "post_negator",
    "inversion", "intensifier", "neutral", "tag",
)  # fmt: skip
KINDS = _SUMMED + _GRAMMAR
_N_SUMMED = len(_SUMMED)
(
    _DIRECTION, _SIDE, _LEG, _LOSS, _STOP, _GOAL, _ENTRY, _EVENT, _NEGATOR, _POST_NEGATOR,
    _INVERSION, _INTENSIFIER, _NEUTRAL, _TAG,
) = range(_N_SUMMED, len(KINDS))  # fmt: skip
_CALL, _OTHER_ASSET = _SUMMED.index("call"), _SUMMED.index("other_asset")

FEATURES = (
    "signed",  # direction in (-1, 1): up less down, squashed
    "direction",  # its size, at most 2
    "leg",  # size of the option legs' direction
    "plan",  # a trade plan's numbers point one way
    "two_sided",
    *_SUMMED,
    "hashtags",
    "short",
    "length",
    "event",  # good less bad news in (-1, 1), squashed
    "event_up",
    "event_down",
    "event_first",  # sign of the first event, and of the last
    "event_last",
    "event_mixed",
)

_NEGATION, _INVERTED = -0.75, -1.0
_TURN_WINDOW = 3  # tokens that a negator or inversion reaches, within its clause
_BOOST_WINDOW = 2  # tokens that an intensifier reaches
_LEG_WEIGHT = 1.2  # an option leg's direction
_BESIDE_LEG = 0.4  # what other directions count for beside a leg
_SIDE_BEFORE_LEG, _SIDE_AFTER_LEG = 5, 4  # tokens from a side to the leg it turns
_MIN_STRIKE = 50.0
_MAX_LEGS, _MAX_SIDES = 16, 64  # read per post
_TWO_SIDED = 0.5  # weaker side over stronger side from which a post is two-sided
_MIN_PILE = 4  # bare tags that make a pile
_SUM_CAP = 3.0


class Lexicon(NamedTuple):
    """The lexicon as look-up tables over token hashes."""

    terms: tuple[str, ...]
    """Term of each entry, its tokens joined by spaces."""
    openers: HashIndex
    """First token -> row of `longest`, the most tokens a term has that starts so."""
    longest: NDArray[np.int64]
    entries: HashIndex
    """Chained hash of a term's tokens -> entry."""
    roles: NDArray[np.int64]
    """[entries + 1] roles of entry e are `roles[e]` to `roles[e + 1]`."""
    kinds: NDArray[np.int64]
    weights: NDArray[np.float64]
    stop_words: HashIndex
    words: NDArray[np.uint64]
    """Hashes of the words that rules name: ce, pe, above, below, around, at, near."""


class Hits(NamedTuple):
    """Lexicon terms that were read, one per role, in reading order."""

    starts: NDArray[np.int64]
    """First token of the term, an index into the batch's tokens."""
    entries: NDArray[np.int64]
    kinds: NDArray[np.int64]
    values: NDArray[np.float64]
    """The weight, turned and boosted."""


def _hash(word: str) -> np.uint64:
    data = np.frombuffer(word.encode(), np.uint8)
    return np.uint64(hash_bytes(data, 0, len(data)))


@cache
def lexicon(path: Path = LEXICON) -> Lexicon:
    """Reads the lexicon: columns term, weight, kind; others are ignored.

    Raises:
        ValueError: a row has an empty term, an unknown kind or a weight that is no number.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    found = tokenise(pa.array([normalise(row["term"]) for row in rows], pa.string()))
    roles: dict[tuple[int, ...], list[tuple[int, float]]] = {}
    names: dict[tuple[int, ...], str] = {}
    for number, row in enumerate(rows):
        tokens = [t for t in range(found.rows[number], found.rows[number + 1]) if found.kinds[t] != PUNCT]
        if not tokens or row["kind"] not in KINDS:
            raise ValueError(f"{path.name}: empty term or unknown kind: {row}")
        key = tuple(int(found.hashes[token]) for token in tokens)
        roles.setdefault(key, []).append((KINDS.index(row["kind"]), float(row["weight"])))
        names[key] = " ".join(map(found.text, tokens))
    keys = sorted(roles, key=names.__getitem__)
    chains = []
    longest: dict[int, int] = {}
    for key in keys:
        chain = np.uint64(key[0])
        for token in key[1:]:
            chain = np.uint64(mix(chain, np.uint64(token)))
        chains.append(chain)
        longest[key[0]] = max(longest.get(key[0], 0), len(key))
    flat = [role for key in keys for role in roles[key]]
    return Lexicon(
        tuple(names[key] for key in keys),
        index(np.array(list(longest), np.uint64)),
        np.array(list(longest.values()), np.int64),
        index(np.array(chains, np.uint64)),
        np.cumsum([0, *(len(roles[key]) for key in keys)], dtype=np.int64),
        np.array([kind for kind, _ in flat], np.int64),
        np.array([weight for _, weight in flat], np.float64),
        index(np.array(sorted({_hash(word) for word in STOP_WORDS}), np.uint64)),
        np.array([_hash(word) for word in ("ce", "pe", "above", "below", "around", "at", "near")], np.uint64),
    )


@njit(cache=True, nogil=True)
def _reach(kinds: NDArray[np.uint8], start: int, length: int, end: int) -> int:
    """End of the window of `length` tokens from `start`, cut where the clause ends."""
    stop = min(start + length, end)
    for at in range(start, stop):
        if kinds[at] == CLAUSE:
            return at
    return stop


@njit(cache=True, nogil=True)
def _number_after(values: NDArray[np.float64], start: int, end: int) -> Any:
    """The first number among the three tokens from `start`; NaN if there is none."""
    for at in range(start, min(start + 3, end)):
        if not math.isnan(values[at]):
            return values[at]
    return math.nan


@njit(cache=True, nogil=True)
def _has_strike(
    hashes: NDArray[np.uint64], values: NDArray[np.float64], at: int, end: int, words: NDArray[np.uint64]
) -> bool:
    """Whether a strike stands before the leg word (`24450 ce`), or a strike or price after ce or pe."""
    if at > 0 and values[at - 1] >= _MIN_STRIKE:
        return True
    if hashes[at] != words[0] and hashes[at] != words[1]:
        return False
    if at + 2 < end:
        following = hashes[at + 1]
        if following == words[2] or following == words[4] or following == words[5] or following == words[6]:
            return not math.isnan(values[at + 2])
    return at + 1 < end and values[at + 1] >= _MIN_STRIKE


@njit(cache=True, nogil=True)
def _plan_direction(stop: float, goal: float, entry: float) -> float:
    """1 if the numbers of a trade plan look up, -1 if down, 0 if they do not say."""
    for low, high in ((stop, entry), (stop, goal), (entry, goal)):
        if low > 0 and high > 0 and low != high and 0.5 < low / high < 2:
            return 1.0 if high > low else -1.0
    return 0.0


@njit(cache=True, nogil=True)
def _is_role(entry: int, kind: int, roles: NDArray[np.int64], kinds: NDArray[np.int64]) -> bool:
    return bool((kinds[roles[entry] : roles[entry + 1]] == kind).any())


@njit(cache=True, nogil=True)
def _pile_start(
    kinds: NDArray[np.uint8],
    hashes: NDArray[np.uint64],
    entry_slots: NDArray[np.uint64],
    roles: NDArray[np.int64],
    role_kinds: NDArray[np.int64],
    stop_slots: NDArray[np.uint64],
) -> int:
    """Where a closing pile of bare tags starts; the number of tokens if there is none.

    A tail of `_MIN_PILE` words or more, at least half of them usual hashtags and none of them a function
    word, is such a pile.
    """
    size = len(kinds)
    start = size
    while start and kinds[start - 1] == WORD and find(stop_slots, hashes[start - 1]) < 0:
        start -= 1
    of_tags = 0
    best = size
    for at in range(size - 1, start - 1, -1):
        entry = find(entry_slots, hashes[at])
        if entry >= 0 and _is_role(entry, _TAG, roles, role_kinds):
            of_tags += 1
            if of_tags >= _MIN_PILE and 2 * of_tags >= size - at:
                best = at
    return best


@njit(cache=True, nogil=True)
def _read(
    data: NDArray[np.uint8],
    rows: NDArray[np.int64],
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    all_kinds: NDArray[np.uint8],
    all_hashes: NDArray[np.uint64],
    all_values: NDArray[np.float64],
    opener_slots: NDArray[np.uint64],
    longest: NDArray[np.int64],
    entry_slots: NDArray[np.uint64],
    roles: NDArray[np.int64],
    role_kinds: NDArray[np.int64],
    role_weights: NDArray[np.float64],
    stop_slots: NDArray[np.uint64],
    words: NDArray[np.uint64],
    features: NDArray[np.float64],
    hit_starts: NDArray[np.int64],
    hit_entries: NDArray[np.int64],
    hit_kinds: NDArray[np.int64],
    hit_values: NDArray[np.float64],
) -> int:
    n_hits = 0
    sides = np.empty((_MAX_SIDES, 2))
    legs = np.empty((_MAX_LEGS, 2))
    for row in range(len(rows) - 1):
        places = np.empty(rows[row + 1] - rows[row], np.int64)
        size = 0
        for token in range(rows[row], rows[row + 1]):
            if all_kinds[token] != PUNCT:
                places[size] = token
                size += 1
        places = places[:size]
        kinds, hashes, values = all_kinds[places], all_hashes[places], all_values[places]
        body = _pile_start(kinds, hashes, entry_slots, roles, role_kinds, stop_slots)
        sums = np.zeros(_N_SUMMED)
        stop = goal = entry_price = math.nan
        ups = downs = loss = last_value = 0.0
        last_end = -1
        event_up = event_down = event_first = event_last = 0.0
        n_sides = n_legs = 0
        turn, turn_end, boost, boost_end, end = 1.0, 0, 1.0, 0, 0
        for start in range(body):
            if start < end:
                continue
            opener = find(opener_slots, hashes[start])
            if opener < 0:
                continue
            entry = find(entry_slots, hashes[start])
            term_end = start + 1
            chain = hashes[start]
            for at in range(start + 1, min(start + longest[opener], body)):
                chain = mix(chain, hashes[at])
                longer = find(entry_slots, chain)
                if longer >= 0:
                    entry, term_end = longer, at + 1
            if entry < 0:
                continue
            end = term_end
            for role in range(roles[entry], roles[entry + 1]):
                kind, weight = role_kinds[role], role_weights[role]
                value = weight
                if kind < _N_SUMMED:
                    sums[kind] += weight
                elif kind in (_DIRECTION, _SIDE, _EVENT):
                    if start < turn_end:
                        value *= turn
                    if start < boost_end:
                        value *= boost
                    if kind == _EVENT:
                        if value > 0:
                            event_up += value
                        else:
                            event_down -= value
                        event_last = value
                        if event_first == 0:
                            event_first = value
                    elif kind == _SIDE:
                        if n_sides < _MAX_SIDES:
                            sides[n_sides, 0], sides[n_sides, 1] = start, value
                            n_sides += 1
                    else:
                        ups += max(value, 0.0)
                        downs += max(-value, 0.0)
                        last_value, last_end = value, end
                elif kind in (_STOP, _GOAL, _ENTRY):
                    sums[_CALL] += weight
                    price = _number_after(values, end, body)
                    if kind == _STOP and math.isnan(stop):
                        stop = price
                    elif kind == _GOAL and math.isnan(goal):
                        goal = price
                    elif kind == _ENTRY and math.isnan(entry_price):
                        entry_price = price
                elif kind == _LEG:
                    if not _has_strike(hashes, values, start, body, words):
                        continue
                    if n_legs < _MAX_LEGS:
                        legs[n_legs, 0], legs[n_legs, 1] = start, weight
                        n_legs += 1
                elif kind in (_NEGATOR, _INVERSION):
                    turn = _NEGATION if kind == _NEGATOR else _INVERTED
                    turn_end = _reach(kinds, end, _TURN_WINDOW, body)
                elif kind == _INTENSIFIER:
                    boost, boost_end = weight, _reach(kinds, end, _BOOST_WINDOW, body)
                elif kind == _POST_NEGATOR:
                    if last_end >= 0 and start < _reach(kinds, last_end, _TURN_WINDOW, body):
                        ups -= max(last_value, 0.0)
                        downs -= max(-last_value, 0.0)
                        last_value, last_end = last_value * _NEGATION, 0
                        ups += max(last_value, 0.0)
                        downs += max(-last_value, 0.0)
                elif kind == _LOSS:
                    loss = weight
                if n_hits < len(hit_starts):
                    hit_starts[n_hits], hit_entries[n_hits] = places[start], entry
                    hit_kinds[n_hits], hit_values[n_hits] = kind, value
                    n_hits += 1
        for at in range(min(4, body)):
            if kinds[at] == HASHTAG:
                tag = find(entry_slots, hash_bytes(data, starts[places[at]] + 1, ends[places[at]]))
                if tag >= 0:
                    for role in range(roles[tag], roles[tag + 1]):
                        if role_kinds[role] == _OTHER_ASSET:
                            sums[_OTHER_ASSET] += role_weights[role]
        # Legs, turned by the nearest side that is not used yet; what is left of the sides counts by itself.
        leg = trend = 0.0
        if loss != 0:
            ups += max(loss, 0.0)
            downs += max(-loss, 0.0)
        else:
            if n_legs == 0 and n_sides == 0:
                trend = _plan_direction(stop, goal, entry_price)
            for which in range(n_legs):
                nearest, distance = -1, 1 << 30
                for side in range(n_sides):
                    gap = int(legs[which, 0] - sides[side, 0])
                    if -_SIDE_AFTER_LEG <= gap <= _SIDE_BEFORE_LEG and abs(gap) < distance:
                        nearest, distance = side, abs(gap)
                sign = legs[which, 1]
                if nearest >= 0:
                    if sides[nearest, 1] < 0:
                        sign = -sign
                    sides[nearest, 0], sides[nearest, 1] = -1e9, 0.0
                leg += sign
            leg = max(-1.0, min(1.0, leg))
            for side in range(n_sides):
                ups += max(sides[side, 1], 0.0)
                downs += max(-sides[side, 1], 0.0)
        signed = ups - downs + trend
        above = below = False
        for at in range(body):
            if hashes[at] == words[2] and not above:
                above = not math.isnan(_number_after(values, at + 1, body))
            elif hashes[at] == words[3] and not below:
                below = not math.isnan(_number_after(values, at + 1, body))
        if n_legs and loss == 0:
            signed, two_sided = _LEG_WEIGHT * leg + _BESIDE_LEG * signed, leg == 0
        elif math.isnan(stop) and above and below:
            signed, leg, two_sided = 0.0, 0.0, True
        else:
            leg, two_sided = 0.0, min(ups, downs) >= max(0.4, _TWO_SIDED * max(ups, downs))
        tags, n_words = size - body, 0
        for at in range(body):
            tags += kinds[at] == HASHTAG
            n_words += kinds[at] == WORD or kinds[at] == NUMBER
        out = features[row]
        out[0], out[1], out[2] = math.tanh(signed), min(abs(signed), 2.0), abs(leg)
        out[3], out[4] = abs(trend), 1.0 if two_sided else 0.0
        for kind in range(_N_SUMMED):
            out[5 + kind] = min(sums[kind], _SUM_CAP)
        at = 5 + _N_SUMMED
        out[at] = min(tags, 12) / 4
        out[at + 1] = max(0.0, 1 - n_words / 8)
        out[at + 2] = min(n_words, 60) / 20
        out[at + 3] = math.tanh(event_up - event_down)
        out[at + 4], out[at + 5] = min(event_up, 3.0) / 2, min(event_down, 3.0) / 2
        out[at + 6], out[at + 7] = np.sign(event_first), np.sign(event_last)
        out[at + 8] = 1.0 if event_up > 0 and event_down > 0 else 0.0
    return n_hits


def read(tokens: Tokens, n_hits: int = 0) -> tuple[NDArray[np.float64], Hits]:
    """`FEATURES` of the n texts [n, len(FEATURES)], and up to `n_hits` of the lexicon's hits in them."""
    words = lexicon()
    features = np.zeros((len(tokens.rows) - 1, len(FEATURES)))
    hits = Hits(
        np.zeros(n_hits, np.int64), np.zeros(n_hits, np.int64), np.zeros(n_hits, np.int64), np.zeros(n_hits)
    )
    found = _read(
        *tokens,
        *words.openers,
        words.longest,
        *words.entries,
        words.roles,
        words.kinds,
        words.weights,
        *words.stop_words,
        words.words,
        features,
        *hits,
    )
    return features, Hits._make(column[:found] for column in hits)
