"""Instruments that posts name, and the option strikes and legs in them.

The rule, on the tokens of `ml.tokens`:

1. One to three plain words in a row match an alias of scope `any` whose words they are; punctuation and
   full stops between them do not matter ("dr. reddy", "nifty-50"). At each word the longest alias wins and
   its words are used up: "bank nifty" is not Nifty, "hdfc life" not HDFC Bank.
2. A hashtag matches an alias of any scope with its spaces left out, a cashtag an alias of any scope that is
   one word. Handles match nothing.
3. Piles are reach, not subject. In a post with four hashtags or more, a hashtag in a run of three or more
   does not count; one inside a sentence does. Nor does a word in a closing pile of bare tags (hashtags
   whose '#' a scraper lost): a tail of four words or more without a function word, half of them usual tags.
4. A strike is a number of 50 or more before ce, pe, call or put (`24450 ce`, `24450ce`, `24450 28 aug pe`,
   `24400/24500 ce`), or a round one of 1,000 or more after ce or pe (`ce 24450`). Its instrument is the
   nearest one named before it, else the nearest after it. Where names stand in piles only, it is the first
   of them whose `_LEVELS` hold the strike, or the one right before it; that one then counts. A strike for
   which no instrument is named is left out: the level alone does not say which. "pe" is Hindi for "at", too:
   a put whose strike is below a fifth of another in the post is a price (`24500 ce lo 120 pe`).
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from ml.text import STOP_WORDS
from ml.tokens import (
    CASHTAG,
    CLAUSE,
    EMOJI,
    HANDLE,
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

ALIASES = Path(__file__).parents[1] / "warehouse" / "seeds" / "instrument_aliases.csv"
TAGS = Path(__file__).with_name("lexicon.csv")
MAX_WORDS = 3
HASHTAG_PILE = 4

READ_TYPE = pa.list_(pa.struct([("instrument", pa.string()), ("strike", pa.float64()), ("leg", pa.string())]))

_LEGS = ("CE", "PE")
_RUN = 3  # hashtags in a row that make a pile
_MIN_STRIKE, _MIN_STRIKE_AFTER = 50.0, 1000.0
_MAX_STRIKES = 6  # read per leg word

# What else a plain word can be, as bits.
_CE, _PE, _CALL, _PUT, _EXPIRY, _TAG, _FUNCTION, _VERB_OBJECT, _PRICE = (1 << bit for bit in range(9))
_ROLES = {
    _CE: "ce",
    _PE: "pe",
    _CALL: "call calls",
    _PUT: "put puts",
    _EXPIRY: "jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july "
    "august september october november december expiry exp weekly monthly month strike st nd rd th",
    # After "put" or "call" they make it the verb.
    _VERB_OBJECT: "it me us your my a the on in sl stop stoploss as that all for into",
    _PRICE: "cmp ltp price",  # "cmp 885 pe 3" is a price and a ratio
    _FUNCTION: " ".join(sorted(STOP_WORDS)),
}


# Where the indices' strikes lie (2022 to 2026), to choose among the names of a pile.
_LEVELS = {
    "NIFTY50": (14_000, 40_000),
    "BANKNIFTY": (30_000, 75_000),
    "FINNIFTY": (14_000, 35_000),
    "MIDCPNIFTY": (6_000, 20_000),
    "SENSEX": (50_000, 130_000),
}


class Aliases(NamedTuple):
    """Aliases and words as look-up tables over token hashes."""

    names: tuple[str, ...]
    """Sorted names of the instruments."""
    plain: dict[str, str]
    """Alias of scope `any` -> instrument."""
    hashtags: dict[str, str]
    """Alias of any scope without its spaces -> instrument."""
    nodes: HashIndex
    """Hash of a token, or chained hash of tokens that start an alias -> row of the columns below."""
    instruments: NDArray[np.int32]
    """Row in `names` that the chain names, -1 for none."""
    is_opened: NDArray[np.bool_]
    """Whether a longer alias starts with the chain."""
    roles: NDArray[np.uint16]
    levels: NDArray[np.float64]
    """[names, 2] strikes that an instrument can have in a pile: at least, less than."""


class Named(NamedTuple):
    """What n texts name; the rows of text i are `rows[i]` to `rows[i + 1]`, sorted, each once."""

    rows: NDArray[np.int64]
    """[n + 1]"""
    instruments: NDArray[np.int32]
    """[rows] row in `Aliases.names`"""
    strikes: NDArray[np.float64]
    """[rows] -1 for the instrument as such"""
    legs: NDArray[np.int8]
    """[rows] 0 CE, 1 PE, -1 for the instrument as such"""


class Mentions(NamedTuple):
    """Places where n texts name something; those of text i are `rows[i]` to `rows[i + 1]`: names in reading
    order, then strikes."""

    rows: NDArray[np.int64]
    """[n + 1]"""
    tokens: NDArray[np.int64]
    """[mentions] token of the batch: first of a name, leg word of a strike"""
    instruments: NDArray[np.int32]
    strikes: NDArray[np.float64]
    """NaN for a name"""
    legs: NDArray[np.int8]
    """0 CE, 1 PE, -1 for a name"""
    counts: NDArray[np.bool_]
    """False in a pile of tags."""


@cache
def load_aliases(path: Path = ALIASES) -> Aliases:
    """Reads the seed: columns alias, instrument, scope (`any` or `tag`); others are ignored.

    Raises:
        ValueError: an alias has more than `MAX_WORDS` words, or its scope is neither `any` nor `tag`.
    """
    plain: dict[str, str] = {}
    hashtags: dict[str, str] = {}
    cashtags: dict[str, str] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            alias, instrument = row["alias"], row["instrument"]
            words = alias.split(" ")
            if len(words) > MAX_WORDS or row["scope"] not in ("any", "tag"):
                raise ValueError(f"{path.name}: {row}")
            if row["scope"] == "any":
                plain[alias] = instrument
            hashtags[alias.replace(" ", "")] = instrument
            if len(words) == 1:
                cashtags[alias] = instrument
    named = plain | {f"#{tag}": name for tag, name in hashtags.items()}
    named |= {f"${tag}": name for tag, name in cashtags.items()}
    names = tuple(sorted(set(named.values())))
    row_of = {name: row for row, name in enumerate(names)}

    nodes: dict[int, tuple[int, bool, int]] = {}
    tokens = tokenise(pa.array(named, pa.string()))
    for place, name in enumerate(named.values()):
        of_alias = slice(tokens.rows[place], tokens.rows[place + 1])
        digests = tokens.hashes[of_alias][tokens.kinds[of_alias] != PUNCT]
        chain = digests[0]
        for digest in digests[1:]:
            held, _, role = nodes.get(int(chain), (-1, False, 0))
            nodes[int(chain)] = held, True, role
            chain = np.uint64(mix(chain, digest))
        _, is_opened, role = nodes.get(int(chain), (-1, False, 0))
        nodes[int(chain)] = row_of[name], is_opened, role
    for role, words in [*_ROLES.items(), (_TAG, " ".join(_usual_tags()))]:
        listed = words.split()
        digests = tokenise(pa.array(listed, pa.string())).hashes
        for digest in digests:
            held, is_opened, others = nodes.get(int(digest), (-1, False, 0))
            nodes[int(digest)] = held, is_opened, others | role
    held_names, opened, held_roles = zip(*nodes.values(), strict=True)
    return Aliases(
        names,
        plain,
        hashtags,
        index(np.fromiter(nodes, np.uint64, len(nodes))),
        np.array(held_names, np.int32),
        np.array(opened, np.bool_),
        np.array(held_roles, np.uint16),
        np.array([_LEVELS.get(name, (0, np.inf)) for name in names], np.float64),
    )


def _usual_tags() -> list[str]:
    """Words that usually are hashtags: one-word terms of kind `tag` in the lexicon."""
    with TAGS.open(encoding="utf-8", newline="") as lines:
        terms = [row["term"] for row in csv.DictReader(lines) if row["kind"] == "tag"]
    return [term for term in terms if term.isalnum()]


@njit(cache=True, nogil=True)
def _digits(data: NDArray[np.uint8], start: int, end: int) -> float:
    """Value of ASCII digits; NaN for anything else."""
    value = 0.0
    for at in range(start, end):
        if not 48 <= data[at] <= 57:
            return np.nan
        value = value * 10 + (data[at] - 48)
    return value if end > start else np.nan


@njit(cache=True, nogil=True)
def _glued(data: NDArray[np.uint8], start: int, end: int) -> tuple[int, float, int]:
    """Splits `banknifty54600ce`: end of the leading letters, strike (NaN for none), leg (-1 for none)."""
    if end - start < 4 or data[end - 1] != 101 or not (data[end - 2] == 99 or data[end - 2] == 112):
        return start, np.nan, -1
    at = end - 2
    while at > start and 48 <= data[at - 1] <= 57:
        at -= 1
    strike = _digits(data, at, end - 2)
    letters = start
    while letters < at and not 48 <= data[letters] <= 57:
        letters += 1
    return letters, strike, 0 if data[end - 2] == 99 else 1


@njit(cache=True, nogil=True)
def _closing_pile(
    kinds: NDArray[np.uint8], roles: NDArray[np.uint16], is_named: NDArray[np.bool_], first: int, end: int
) -> int:
    """Where a closing pile of bare tags starts; `end` if there is none."""
    size, of_tags, start = 0, 0, end
    at = end - 1
    while at >= first and (kinds[at] == WORD or kinds[at] == HASHTAG) and not roles[at - first] & _FUNCTION:
        size += 1
        if kinds[at] == HASHTAG or roles[at - first] & _TAG:
            of_tags += 1
            if of_tags >= HASHTAG_PILE and 2 * of_tags >= size:
                start = at
        at -= 1
    # Names right before it are part of it: "... Reliance TCS nifty sensex intraday stockmarket".
    while start < end and start > first and is_named[start - 1 - first] and kinds[start - 1] == WORD:
        start -= 1
    return start


@njit(cache=True, nogil=True)
def _strike_before(
    data: NDArray[np.uint8],
    starts: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    values: NDArray[np.float64],
    roles: NDArray[np.uint16],
    strikes: NDArray[np.float64],
    first: int,
    leg: int,
) -> int:
    """Token with the strike of the leg word at `leg`, -1 if there is none."""
    at, dated = leg - 1, False
    while at >= first and leg - at <= 8:
        value = strikes[at - first]
        if roles[at - first] & _EXPIRY:
            dated = True
        elif kinds[at] == NUMBER and dated and (value <= 31 or 2000 <= value < 2100):
            pass
        elif not np.isnan(value):
            year = 2000 <= value < 2100 and at > first and roles[at - 1 - first] & _EXPIRY
            label = at - 1
            while label > first and kinds[label] == PUNCT:
                label -= 1
            is_price = label >= first and roles[label - first] & _PRICE
            if not year:
                return at if value >= _MIN_STRIKE and not is_price else -1
        elif kinds[at] != PUNCT or (at == leg - 1 and data[starts[at]] == 40):  # "81000 (put base strong)"
            return -1
        at -= 1
    return -1


@njit(cache=True, nogil=True)
def _mentions(
    data: NDArray[np.uint8],
    rows: NDArray[np.int64],
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    hashes: NDArray[np.uint64],
    values: NDArray[np.float64],
    node_slots: NDArray[np.uint64],
    node_instruments: NDArray[np.int32],
    node_opened: NDArray[np.bool_],
    node_roles: NDArray[np.uint16],
    levels: NDArray[np.float64],
    out_rows: NDArray[np.int64],
    out_tokens: NDArray[np.int64],
    out_instruments: NDArray[np.int32],
    out_strikes: NDArray[np.float64],
    out_legs: NDArray[np.int8],
    out_counts: NDArray[np.bool_],
) -> int:
    count = 0
    longest = 0
    for row in range(len(rows) - 1):
        longest = max(longest, rows[row + 1] - rows[row])
    nodes = np.empty(longest, np.int32)
    roles = np.empty(longest, np.uint16)
    is_named = np.empty(longest, np.bool_)
    strikes = np.empty(longest, np.float64)
    place = np.empty(longest, np.int64)
    name = np.empty(longest, np.int32)
    counts = np.empty(longest, np.bool_)
    in_run = np.empty(longest, np.bool_)
    for row in range(len(rows) - 1):
        first, end = rows[row], rows[row + 1]
        out_rows[row] = count
        size = end - first
        n_hashtags, n_names, has_leg = 0, 0, False
        for at in range(first, end):
            here = at - first
            kind = kinds[at]
            node = -1
            if kind in (WORD, NUMBER, HASHTAG, CASHTAG):
                node = find(node_slots, hashes[at])
            nodes[here] = node
            roles[here] = node_roles[node] if node >= 0 and kind == WORD else 0
            is_named[here] = False
            in_run[here] = False
            strikes[here] = values[at]
            n_hashtags += kind == HASHTAG
            if kind == HASHTAG and 48 <= data[starts[at] + 1] <= 57:  # `#24700`, `#24700ce`
                has_leg = True
                strikes[here] = _digits(data, starts[at] + 1, ends[at])
            elif roles[here] & (_CE | _PE | _CALL | _PUT) or (
                kind == WORD and ends[at] - starts[at] > 5 and 48 <= data[ends[at] - 3] <= 57
            ):
                has_leg = True
        if n_hashtags >= HASHTAG_PILE:
            run, last = 0, -1
            for here in range(size + 1):
                kind = kinds[first + here] if here < size else WORD
                if kind == HASHTAG:
                    if run == 0:
                        last = here
                    run += 1
                elif kind != PUNCT and kind != EMOJI and kind != CLAUSE and kind != HANDLE:
                    if run >= _RUN:
                        in_run[last:here] = True
                    run = 0
        here = 0
        while here < size:
            node, kind = nodes[here], kinds[first + here]
            after = here + 1
            if node >= 0 and (node_instruments[node] >= 0 or node_opened[node]):
                found = node_instruments[node]
                if kind in (WORD, NUMBER):
                    at, chain = here + 1, hashes[first + here]
                    while node_opened[node] and at < size:
                        kind = kinds[first + at]
                        if kind == PUNCT or (kind == CLAUSE and data[starts[first + at]] == 46):
                            at += 1
                            continue
                        if kind not in (WORD, NUMBER):
                            break
                        chain = mix(chain, hashes[first + at])
                        node = find(node_slots, chain)
                        if node < 0:
                            break
                        at += 1
                        if node_instruments[node] >= 0:
                            found, after = node_instruments[node], at
                if found >= 0:
                    place[n_names], name[n_names] = here, found
                    n_names += 1
                    is_named[here:after] = True
            here = after
        if n_names == 0 and not has_leg:
            continue
        body = _closing_pile(kinds, roles, is_named, first, end) - first
        n_counted = 0
        for each in range(n_names):
            counts[each] = not in_run[place[each]] and place[each] < body
            n_counted += counts[each]
            out_tokens[count], out_instruments[count] = first + place[each], name[each]
            out_strikes[count], out_legs[count], out_counts[count] = np.nan, -1, counts[each]
            count += 1
        if has_leg:
            largest = 0.0
            for here in range(size):
                at = first + here
                role, strike_at, leg, own = roles[here], -1, -1, -1
                strike = np.nan
                if role & (_CE | _PE | _CALL | _PUT):
                    leg = 1 if role & (_PE | _PUT) else 0
                    is_verb = role & (_CALL | _PUT) and here + 1 < size and roles[here + 1] & _VERB_OBJECT
                    if not is_verb:
                        strike_at = _strike_before(data, starts, kinds, values, roles, strikes, first, at)
                    if strike_at >= 0:
                        strike = strikes[strike_at - first]
                    elif role & (_CE | _PE):
                        if here >= 2 and kinds[at - 1] == PUNCT and roles[here - 2] & (_CE | _PE):
                            strike_at = _strike_before(
                                data, starts, kinds, values, roles, strikes, first, at - 2
                            )
                            if strike_at >= 0:
                                strike = strikes[strike_at - first]
                        elif here + 1 < size and strikes[here + 1] >= _MIN_STRIKE_AFTER:
                            strike = strikes[here + 1]
                            if strike % 5 != 0:
                                strike = np.nan
                elif kinds[at] == WORD or kinds[at] == HASHTAG:
                    start = starts[at] + (kinds[at] == HASHTAG)
                    letters, strike, leg = _glued(data, start, ends[at])
                    if leg >= 0 and strike >= _MIN_STRIKE and letters > start:
                        node = find(node_slots, hash_bytes(data, start, letters))
                        own = node_instruments[node] if node >= 0 else -1
                if not strike >= _MIN_STRIKE or (role & _PE and 5 * strike < largest):
                    continue
                largest = max(largest, strike)
                if own < 0:
                    best = -1
                    for each in range(n_names):
                        if n_counted and not counts[each]:
                            continue
                        low, high = levels[name[each]]
                        if not n_counted and not low <= strike < high:
                            continue
                        # Of a pile that does not touch the strike, its first name.
                        is_near = n_counted or place[each] >= here - 2
                        if best < 0 or (place[each] < here and is_near):
                            best = each
                        if place[each] > here:
                            break
                    if best < 0:
                        continue
                    own = name[best]
                n_more = 0
                while True:
                    out_tokens[count], out_instruments[count] = at, own
                    out_strikes[count], out_legs[count], out_counts[count] = strike, leg, True
                    count += 1
                    n_more += 1
                    # `24400/24500 ce`
                    before = strike_at - 2
                    if (
                        strike_at < 0
                        or n_more == _MAX_STRIKES
                        or before < first
                        or kinds[strike_at - 1] != PUNCT
                        or data[starts[strike_at - 1]] != 47
                        or not 0.8 * strike < strikes[before - first] < 1.25 * strike
                    ):
                        break
                    strike_at, strike = before, strikes[before - first]
    out_rows[len(rows) - 1] = count
    return count


@njit(cache=True, nogil=True)
def _distinct(
    rows: NDArray[np.int64],
    instruments: NDArray[np.int32],
    strikes: NDArray[np.float64],
    legs: NDArray[np.int8],
    counts: NDArray[np.bool_],
    out_rows: NDArray[np.int64],
    out_instruments: NDArray[np.int32],
    out_strikes: NDArray[np.float64],
    out_legs: NDArray[np.int8],
) -> int:
    """Mentions that count, and the instruments of strikes, sorted by instrument, leg, strike; each once."""
    kept = 0
    for row in range(len(rows) - 1):
        begin = kept
        out_rows[row] = begin
        for entry in range(2 * rows[row], 2 * rows[row + 1]):
            each = entry // 2
            # Of each mention the instrument as such, then its strike.
            if not counts[each] or (entry % 2 and legs[each] < 0):
                continue
            instrument, leg = instruments[each], legs[each] if entry % 2 else -1
            strike = strikes[each] if entry % 2 else -1.0
            is_new = True
            at = kept
            for held in range(begin, kept):
                before = out_instruments[held], np.int64(out_legs[held]), out_strikes[held]
                if before == (instrument, np.int64(leg), strike):
                    is_new = False
                    break
                if at == kept and before > (instrument, np.int64(leg), strike):
                    at = held
            if not is_new:
                continue
            for held in range(kept, at, -1):
                out_instruments[held] = out_instruments[held - 1]
                out_legs[held] = out_legs[held - 1]
                out_strikes[held] = out_strikes[held - 1]
            out_instruments[at], out_legs[at], out_strikes[at] = instrument, leg, strike
            kept += 1
    out_rows[len(rows) - 1] = kept
    return kept


def mentions(tokens: Tokens, path: Path = ALIASES) -> Mentions:
    """Every place where a text names an instrument or a strike."""
    aliases = load_aliases(path)
    # A text's tokens name at most one instrument each; two strikes need three tokens or more.
    n, most = len(tokens.rows) - 1, 3 * len(tokens.kinds)
    rows, places, instruments = np.zeros(n + 1, np.int64), np.empty(most, np.int64), np.empty(most, np.int32)
    strikes, legs, counts = np.empty(most), np.empty(most, np.int8), np.empty(most, np.bool_)
    count = _mentions(
        *(tokens.data, tokens.rows, tokens.starts, tokens.ends, tokens.kinds, tokens.hashes, tokens.values),
        *(*aliases.nodes, aliases.instruments, aliases.is_opened, aliases.roles, aliases.levels),
        *(rows, places, instruments, strikes, legs, counts),
    )
    return Mentions(rows, places[:count], instruments[:count], strikes[:count], legs[:count], counts[:count])


def read(tokens: Tokens, path: Path = ALIASES) -> Named:
    """Instruments, strikes and legs that each text names."""
    found = mentions(tokens, path)
    most = 2 * len(found.legs)
    rows, instruments = np.zeros_like(found.rows), np.empty(most, np.int32)
    strikes, legs = np.empty(most), np.empty(most, np.int8)
    count = _distinct(
        *(found.rows, found.instruments, found.strikes, found.legs, found.counts),
        *(rows, instruments, strikes, legs),
    )
    return Named(rows, instruments[:count], strikes[:count], legs[:count])


def match(text: str, path: Path = ALIASES) -> list[str]:
    """The instruments that a normalised text names, sorted, each once."""
    found: list[str] = match_array(pa.array([text], pa.string()), path)[0].as_py()
    return found


def match_array(texts: pa.Array | pa.ChunkedArray, path: Path = ALIASES) -> pa.Array:
    """`match` over an Arrow string array: list<string> of the same length, no nulls (null reads as '')."""
    named = read(tokenise(texts), path)
    is_name = named.legs < 0
    rows = np.concatenate([[0], np.cumsum(is_name)])[named.rows]
    return pa.ListArray.from_arrays(pa.array(rows, pa.int32()), _names(named.instruments[is_name], path))


def read_array(texts: pa.Array | pa.ChunkedArray, path: Path = ALIASES) -> pa.Array:
    """`READ_TYPE` of the same length, no nulls: per text each instrument once, with neither strike nor leg,
    then its strikes with their legs, calls before puts."""
    named = read(tokenise(texts), path)
    entries = pa.StructArray.from_arrays(
        [
            _names(named.instruments, path),
            pa.array(named.strikes, mask=named.legs < 0),
            pa.array(_LEGS).take(pa.array(named.legs, mask=named.legs < 0)),
        ],
        fields=list(READ_TYPE.value_type),
    )
    return pa.ListArray.from_arrays(pa.array(named.rows, pa.int32()), entries)


def _names(instruments: NDArray[np.int32], path: Path) -> pa.Array:
    return pa.array(load_aliases(path).names, pa.string()).take(pa.array(instruments))
