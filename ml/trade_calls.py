"""Trade calls in posts: who buys or sells what, from which price, with which stop and targets.

A call names an instrument and a trade in it that is open or proposed, with numbers. The reading, from left
to right on the tokens of `ml.tokens`:

1. A subject is an instrument, or an option strike with its leg. The words and numbers after it, up to the
   next subject, are its own; a side word may stand up to five tokens before it.
2. Words of a plan give the numbers after them a place: stop (sl, stop loss), targets (target, tgt, tp, t1),
   entry (cmp, at, @, above, buy; a number right after a leg). "100-105" is a range, "150/165/180+" a list;
   in a list and a range, shortened numbers are filled up ("24915/888" is 24915, 24888).
3. An option leg is bought unless a word beside it sells it. Elsewhere the side is the side word's, else what
   entry, stop and targets say.
4. No call: several sides for one subject ("above 24500 buy, below 24300 sell"); a side that is warned of or
   asked about ("don't buy", "should I sell"); a finished trade (target hit, booked, made high, 160 to 182); a
   subject with one price and no side word.
5. Stop and targets must stand on their side of the entry; those that do not are dropped, and a call that
   contradicts itself is none. An option's prices are premiums: a number near the strike is the underlying's.

Percentages, points, lots, dates, times and ratios are no prices. Precision is put before recall.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from ml.instruments import load_aliases, mentions
from ml.labelled import text_key
from ml.text import normalise
from ml.tokens import NUMBER, PUNCT, WORD, HashIndex, Tokens, find, index, tokenise

LABELS = Path(__file__).with_name("labels") / "trade_calls.csv"

CALL_TYPE = pa.list_(
    pa.struct(
        [
            ("instrument", pa.string()),
            ("side", pa.string()),
            ("leg", pa.string()),
            ("strike", pa.float64()),
            ("entry_low", pa.float64()),
            ("entry_high", pa.float64()),
            ("stop", pa.float64()),
            ("targets", pa.list_(pa.float64())),
        ]
    )
)

_WORDS = {
    "buy": "buy buying bought kharido kharid long longs accumulate accumulating added grab buyabove",
    "sell": "sell selling sold bech becho bechna short shorting write writing wrote shorted",
    "stop": "sl stoploss stop stops stl sls",
    "target": (
        "target targets tgt tgts trgt trgts tg tgs tp tps t1 t2 t3 t4 tgt1 tgt2 tgt3 target1 target2 target3 "
        "tp1 tp2 tp3 goal upto"
    ),
    "entry": "cmp ltp entry at around near nr above abv abive avg price buyabove below blw",
    "filler": (
        "rs inr loss level levels of is to for only strict hard keep mental my the hai closing close "
        "basis low spot fut future futures option options premium strike first second third final next "
        "short term swing intraday positional now open expected possible and in be from with on price "
        "zone range 's s by then can karo kar karna kr le lo lelo lena hai he ke ka ko me mein go reach "
        "may or day days between risky tight exp expiry month monthly weekly jan feb mar apr may jun jul "
        "aug sep sept oct nov dec january february march april june july august september october "
        "november december"
    ),
    "done": (
        "hit done booked achieved achived completed closed exited exit made gave given running rocked "
        "blasted jackpot congratulations congrats flew high bumper reached doubled profit profits played "
        "later results result"
    ),
    "unit": (
        "% percent pts pt points point lot lots qty quantity x times lakh lakhs cr crore crores k l days "
        "day weeks week months month years year min mins minute minutes hr hrs hour hours am pm th st nd "
        "rd stocks shares share paise rupee ema dma sma ma candle candles pips k+"
    ),
    "month": (
        "jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july "
        "august september october november december"
    ),
    "neutral_before": "nor or / any as",
    "neutral_after": (
        "position positions as term covering cover coverings buildup build unwinding unwind wick run trap "
        "side"
    ),
    "negation": "no not never avoid dont don't without who those",
    "veto": (
        "analyst analysts brokerage brokerages jefferies bofa nomura clsa goldman citi rating upgrade "
        "upgraded downgrade downgraded guru gurus expert experts"
    ),
    "other": (
        "support supports resistance resistances sup res high low r1 r2 r3 s1 s2 s3 pivot vwap oi pcr "
        "closed volume eps market revenue"
    ),
}
_LEGS: dict[str, Literal["CE", "PE"]] = {"CE": "CE", "PE": "PE"}
_GATE = "buy sell stop target"
_GATE_ENTRY = "cmp ltp entry above abv"
_SIDE_REACH = 5
_REACH = 7  # tokens from a word of the plan to its number
_NO_SIDE = "none"  # of a trade that is warned of or asked about
_BETWEEN = frozenset(("to", "a", "any", "even", "ever", "fresh", "for", "the"))  # "no fresh longs"
_ASKED = frozenset(("should", "shall", "can"))
_TOLD = frozenset(("buy", "bought", "grab", "long", "sell", "sold", "short", "shorted"))
_REPORTED = frozenset(("done", "hit", "achieved", "completed"))
_LEAST_INDEX = 5000.0  # a level of an index that has options
_TAG_REACH = 3  # tokens from a leg in which a name opens no subject of its own
_ATTACHED = 4  # tokens from a side word to its price
_MAX_INDEX = 6  # "target 1", "t 2)"


class Tally(NamedTuple):
    """How parsed calls stand against labelled ones."""

    n_posts: int
    n_parsed: int
    n_right: int
    n_labelled: int

    @property
    def precision(self) -> float:
        """Share of the parsed calls that are right; NaN of none."""
        return self.n_right / self.n_parsed if self.n_parsed else math.nan

    @property
    def recall(self) -> float:
        """Share of the labelled calls that were parsed right; NaN of none."""
        return self.n_right / self.n_labelled if self.n_labelled else math.nan


class TradeCall(NamedTuple):
    """One call. Prices are in rupees, or points for an index."""

    instrument: str
    side: Literal["buy", "sell"]
    leg: Literal["CE", "PE"] | None
    strike: float | None
    entry_low: float | None
    """A single price is both low and high."""
    entry_high: float | None
    stop: float | None
    targets: tuple[float, ...]


@dataclass
class _Subject:
    instrument: str
    leg: Literal["CE", "PE"] | None
    strike: float | None
    sides: list[str] = field(default_factory=list)
    entry: list[float] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    targets: list[float] = field(default_factory=list)
    entry_words: set[str] = field(default_factory=set)
    parts: dict[float, list[float]] = field(default_factory=dict)
    """What a number with commas is as a list: "165,190" may be two."""
    is_done: bool = False
    is_attached: bool = False
    """A price follows a side word directly."""
    has_levels: bool = False
    """Supports and resistances stand beside."""
    is_told: bool = False
    """An option with a word for a trade done or to do right before it."""


class _Token(NamedTuple):
    text: str
    kind: int
    value: float
    roles: frozenset[str]


@cache
def _roles() -> dict[str, frozenset[str]]:
    roles: dict[str, set[str]] = {}
    for role, words in _WORDS.items():
        for word in words.split():
            roles.setdefault(word, set()).add(role)
    return {word: frozenset(held) for word, held in roles.items()}


@cache
def _gate_words() -> HashIndex:
    words = {word for role in _GATE.split() for word in _WORDS[role].split()} | set(_GATE_ENTRY.split())
    return index(tokenise(pa.array(sorted(words), pa.string())).hashes)


@njit(cache=True, nogil=True)
def _gate(
    rows: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    hashes: NDArray[np.uint64],
    slots: NDArray[np.uint64],
    mention_rows: NDArray[np.int64],
    legs: NDArray[np.int8],
) -> NDArray[np.bool_]:
    """Texts that can hold a call: they name a strike, or an instrument, a number and a word of a plan."""
    passed = np.zeros(len(rows) - 1, np.bool_)
    for row in range(len(rows) - 1):
        first, end = mention_rows[row], mention_rows[row + 1]
        if first == end:
            continue
        if legs[end - 1] >= 0:
            passed[row] = True
            continue
        has_number, has_word = False, False
        for at in range(rows[row], rows[row + 1]):
            if kinds[at] == NUMBER:
                has_number = True
            elif kinds[at] == WORD and not has_word:
                has_word = find(slots, hashes[at]) >= 0
            if has_number and has_word:
                passed[row] = True
                break
    return passed


def parse(text: str) -> list[TradeCall]:
    """The trade calls of a normalised text, in reading order, each once."""
    return _parse(pa.array([text], pa.string())).get(0, [])


def parse_array(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """`parse` over an Arrow string array: `CALL_TYPE` of the same length, no nulls (null reads as '')."""
    parsed = _parse(texts)
    counts = np.zeros(len(texts) + 1, np.int32)
    for row, calls in parsed.items():
        counts[row + 1] = len(calls)
    listed = [call._asdict() for calls in parsed.values() for call in calls]
    return pa.ListArray.from_arrays(
        pa.array(np.cumsum(counts, dtype=np.int32)), pa.array(listed, CALL_TYPE.value_type), type=CALL_TYPE
    )


def _parse(texts: pa.Array | pa.ChunkedArray) -> dict[int, list[TradeCall]]:
    """Calls of the texts that can hold some, by row, in order."""
    tokens = tokenise(texts)
    found = mentions(tokens)
    names = load_aliases().names
    parsed: dict[int, list[TradeCall]] = {}
    passed = _gate(tokens.rows, tokens.kinds, tokens.hashes, *_gate_words(), found.rows, found.legs)
    for row in np.flatnonzero(passed).tolist():
        first, end = int(tokens.rows[row]), int(tokens.rows[row + 1])
        subjects: dict[int, list[_Subject]] = {}
        strikes: set[float] = set()
        for each in range(int(found.rows[row]), int(found.rows[row + 1])):
            if not found.counts[each]:
                continue
            leg, strike = int(found.legs[each]), float(found.strikes[each])
            if leg >= 0:
                subject = _Subject(names[found.instruments[each]], "PE" if leg else "CE", strike)
                strikes.add(strike)
            else:
                subject = _Subject(names[found.instruments[each]], None, None)
            subjects.setdefault(int(found.tokens[each]) - first, []).append(subject)
        parsed[row] = _calls(_listed(tokens, first, end), subjects, strikes)
    return parsed


def _listed(tokens: Tokens, first: int, end: int) -> list[_Token]:
    starts, ends = tokens.starts[first:end].tolist(), tokens.ends[first:end].tolist()
    data = tokens.data[starts[0] : ends[-1]].tobytes()
    roles, none, offset = _roles(), frozenset[str](), starts[0]
    listed = []
    for start, stop, kind, value in zip(
        starts, ends, tokens.kinds[first:end].tolist(), tokens.values[first:end].tolist(), strict=True
    ):
        text = data[start - offset : stop - offset].decode()
        listed.append(_Token(text, kind, value, roles.get(text, none) if kind in (WORD, PUNCT) else none))
    return listed


def _calls(
    tokens: Sequence[_Token], subjects: dict[int, list[_Subject]], strikes: set[float]
) -> list[TradeCall]:
    """Reads one text's tokens from left to right."""
    read: list[_Subject] = []
    current: _Subject | None = None
    pending: tuple[int, str] | None = None  # a side word that waits for its subject
    role, since = "", 0
    reported_at = -_REACH  # "target done", "exited" before their subject
    side_at, blocked = -_REACH, -_REACH
    at = 0
    if any("veto" in token.roles for token in tokens):
        return []
    while at < len(tokens):
        token = tokens[at]
        for subject in subjects.get(at, ()):
            is_other_leg = subject.leg is not None and (current is None or current.leg != subject.leg)
            is_same = (
                current is not None
                and current.instrument == subject.instrument
                and (subject.strike is None or (current.strike == subject.strike and not is_other_leg))
            )
            is_tag_of_option = subject.strike is None and role == "leg" and at - since <= _TAG_REACH
            if is_same or is_tag_of_option:
                continue
            inherited = (
                current is not None
                and current.instrument == subject.instrument
                and current.leg is None
                and not (current.entry or current.stops or current.targets)
            )
            if inherited and current is not None:
                subject.sides, subject.is_done, subject.is_told = (
                    current.sides,
                    current.is_done,
                    current.is_told,
                )
                read.remove(current)
            current = subject
            read.append(current)
            role, since = ("leg", at) if current.leg else ("", at)
            current.is_done |= at - reported_at <= _SIDE_REACH
            reported_at = -_REACH
            if pending and at - pending[0] <= _SIDE_REACH:
                current.sides.append(pending[1])
                current.is_told = tokens[pending[0]].text in _TOLD
                role = role or "entry"
            pending = None
        side = _side(tokens, at)
        if side:
            if current is None or _ahead(subjects, at):
                pending = at, side
            else:
                current.sides.append(side)
            role, since, side_at = "entry", at, at
            if [token.text for token in tokens[at + 1 : at + 3]] in (
                ["on", "dip"],
                ["on", "dips"],
                ["on", "rise"],
            ):
                role, blocked = "", at + 2
            elif at + 1 < len(tokens) and tokens[at + 1].text == "for":
                role, side_at = "target", -_REACH
        elif "stop" in token.roles or "target" in token.roles:
            role, since = ("stop" if "stop" in token.roles else "target"), at
        elif token.text in "@<>" or "entry" in token.roles:
            is_of_plan = role in ("stop", "target") and at - since <= 2
            if at - blocked > 2 and (not is_of_plan or token.text in ("cmp", "ltp", "entry")):
                role, since = "entry", at
                if current is not None and token.text == "entry":
                    if current.entry and current.stops + current.targets:
                        current = None
                    else:
                        current.entry = []
            is_close = at > 0 and tokens[at - 1].text.startswith("clos")
            if current is not None and not is_close and not (role == "stop" and is_of_plan):
                current.entry_words.add(token.text)
        elif "other" in token.roles:
            role, blocked = "", at
            if current is not None:
                current.has_levels = True
        if at and token.text in _REPORTED and "target" in tokens[at - 1].roles and current is None:
            reported_at = len(tokens)
        elif token.text in ("exited", "booked"):
            reported_at = at
        if current is not None and "done" in token.roles and not _is_planned(tokens, at):
            current.is_done = True
        if token.kind == NUMBER:
            prices, end = _prices(tokens, at, role)
            if prices and current is not None and role and at - since <= _REACH and prices[0] not in strikes:
                for token in tokens[at:end]:
                    if "," in token.text and token.kind == NUMBER:
                        current.parts[token.value] = [float(part) for part in token.text.split(",")]
                is_attached = at - side_at <= _ATTACHED
                if is_attached and not current.is_attached:
                    current.entry, current.is_attached = [], True
                if role == "entry" and current.entry and current.stops + current.targets:
                    current = None  # another subject's plan, by a name that is no alias
                else:
                    _place(current, role, prices, _is_moved(tokens, at, end))
                since = end if role == "target" else -_REACH
                if role != "target":
                    role = ""
            at = end
            continue
        if not (token.kind == PUNCT or token.roles or at in subjects):
            side_at = -_REACH
            since -= 1  # a word of no plan brings the reach to its end sooner
            if role == "leg":
                role = ""
        at += 1
    if sum(subject.is_done for subject in read) > 1:  # a list of results
        return []
    calls = [call for subject in read if (call := _call(subject))]
    return list(dict.fromkeys(calls))


def _side(tokens: Sequence[_Token], at: int) -> str:
    """buy or sell, where the token says so of a trade; none, where it warns or asks; else ''."""
    roles = tokens[at].roles
    before = [token.text for token in tokens[max(0, at - 6) : at]]
    if not roles & {"buy", "sell"}:
        return _NO_SIDE if tokens[at].text == "avoid" else ""
    after = [token for token in tokens[at + 1 : at + 3] if token.text != "-"][:1]
    if any("neutral_after" in token.roles or token.text in ("/", "or", "sell") for token in after):
        return ""
    if any("neutral_before" in _roles().get(word, ()) for word in before[-1:]) or before[-1:] in (
        ["buy"],
        ["sell"],
    ):
        return ""
    near = before[-2:] if before[-1:] and before[-1] in _BETWEEN else before[-1:]
    if (
        any("negation" in _roles().get(word, ()) for word in near)
        or "who" in before
        or (before[-1:] in (["i"], ["we"]) and before[-2:-1] and before[-2] in _ASKED)
    ):
        return _NO_SIDE
    if {"not", "no"} & set(before[-3:]):
        return ""
    return "buy" if "buy" in roles else "sell"


def _ahead(subjects: dict[int, list[_Subject]], at: int) -> bool:
    """Whether a subject follows within reach of a side word."""
    return any(at + step in subjects for step in range(1, _SIDE_REACH))


def _is_planned(tokens: Sequence[_Token], at: int) -> bool:
    """Whether a word of a finished trade is not meant so: "day's high", "if sl is hit", "book profit"."""
    word = tokens[at].text
    before = [token.text for token in tokens[max(0, at - 4) : at]]
    if word == "high" and any(token.kind == NUMBER for token in tokens[at + 1 : at + 3]):
        return "day" in before or "s" in before
    if word in ("high", "given", "profit", "profits", "close", "complete", "reached", "exit"):
        return not {"made", "making", "a", "new", "booked", "full", "hit"} & set(before[-2:])
    return bool({"if", "till", "until", "will", "can", "may", "could", "should"} & set(before))


def _is_moved(tokens: Sequence[_Token], at: int, end: int) -> bool:
    """Whether the prices are a way that was gone: `160 to 182`."""
    return any(token.text in "→➝➔➜>" or token.text == "to" for token in tokens[at:end])


def _prices(tokens: Sequence[_Token], at: int, role: str) -> tuple[list[float], int]:
    """The prices from the number at `at` on, and where they end: one, a range or a list."""
    prices: list[float] = []
    end = at
    while at < len(tokens) and tokens[at].kind == NUMBER:
        value = tokens[at].value
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        before = tokens[at - 1].text if at else ""
        is_number = not math.isnan(value) and value > 0
        next_number = any(token.kind == NUMBER for token in tokens[at + 1 : at + 4])
        is_index = role == "target" and value <= _MAX_INDEX and next_number
        is_date = value <= 31 and (
            bool(after and "month" in after.roles) or bool(at and "month" in tokens[at - 1].roles)
        )
        is_amount = bool(after and "unit" in after.roles) or before == "+"
        is_clock = before == ":" and at > 1 and tokens[at - 2].kind == NUMBER and not prices
        if (
            not is_number
            or is_date
            or is_amount
            or (after and after.text == ":" and not is_index)
            or is_clock
        ):
            return [] if is_amount and role != "target" else prices, at + 1
        if not is_index:
            prices.append(_filled(value, prices[-1]) if prices else value)
        end = at + 1
        at = end
        steps = 0
        while at < len(tokens) and steps < 4 and tokens[at].kind != NUMBER:
            text = tokens[at].text
            if not (
                text in "-–—/,+&→➝➔➜>₹.:)(~'"
                or text in ("and", "to", "or", "then", "rs", "..", "...", "🎯", "🚀")
            ):
                break
            if role != "target" and text in (",", ".", "&", "and", "..", "..."):
                break
            at += 1
            steps += 1
        if role != "target" and len(prices) == 2:
            break
    return prices, end


def _filled(value: float, model: float) -> float:
    """A shortened number after a full one, filled up: 888 after 24915 is 24888."""
    if value != int(value) or model < 1000 or value >= model or len(str(int(value))) >= len(str(int(model))):
        return value
    scale = 10 ** len(str(int(value)))
    return float(model // scale * scale + value) if value >= 10 else value


def _place(subject: _Subject, role: str, prices: list[float], is_moved: bool) -> None:
    if role in ("entry", "leg"):
        if is_moved:
            subject.is_done = True
        if not subject.entry:
            subject.entry = prices[:2]
    elif role == "stop":
        subject.stops += prices[:1]
    else:
        subject.targets += [price for price in prices if price not in subject.targets]


def _is_index(instrument: str) -> bool:
    return "NIFTY" in instrument or "SENSEX" in instrument or instrument == "BANKEX"


def _call(subject: _Subject) -> TradeCall | None:
    """The subject's call, None where it has none."""
    sides = set(subject.sides)
    if subject.is_done or len(sides) > 1 or _NO_SIDE in sides:
        return None
    if {"above", "abv"} & subject.entry_words and {"below", "blw"} & subject.entry_words:
        return None
    level = subject.strike or max(subject.entry, default=_LEAST_INDEX)
    if _is_index(subject.instrument) and level < _LEAST_INDEX:
        return None
    entry, stop, targets = sorted(subject.entry), next(iter(subject.stops), None), subject.targets
    limit = subject.strike / 2 if subject.strike else 10 * entry[0] if entry else math.inf
    targets = [
        part for price in targets for part in (subject.parts.get(price) if price > limit else None) or [price]
    ]
    if subject.strike is not None:
        ceiling = subject.strike / 2
        entry = [price for price in entry if price < ceiling]
        stop = stop if stop is not None and stop < ceiling else None
        targets = [price for price in targets if price < ceiling]
    reference = entry[0] if entry else stop
    if reference is not None:
        targets = [_filled(price, reference) if subject.strike is None else price for price in targets]
        targets = [price for price in targets if reference / 5 < price < reference * 10]
        if stop is not None and not reference / 5 < stop < reference * 5:
            stop = None
    if sides:
        side: Literal["buy", "sell"] = "buy" if "buy" in sides else "sell"
    elif subject.leg:
        side = "buy"
    else:
        low = entry[0] if entry else stop
        high = targets[0] if targets else None if stop is None else 2 * entry[0] - stop if entry else None
        if low is None or high is None:
            return None
        side = "buy" if high > low else "sell"
    up = 1 if side == "buy" else -1
    if entry:
        if stop is not None and (entry[0] - stop if up > 0 else stop - entry[-1]) <= 0:
            stop = None
        beyond = [price for price in targets if (price - entry[-1]) * up > 0]
        if targets and not beyond:
            return None
        targets = beyond
    elif stop is not None and any((price - stop) * up <= 0 for price in targets):
        return None
    if not (entry or stop is not None or targets or subject.is_told):
        return None
    if subject.strike is None:
        n_numbers = bool(entry) + (stop is not None) + bool(targets)
        if n_numbers < 2 and not (sides and entry and subject.is_attached and not subject.has_levels):
            return None
        if _is_index(subject.instrument) and not sides and n_numbers < 3:
            return None
        if not sides and not entry:
            return None
    return TradeCall(
        subject.instrument,
        side,
        subject.leg,
        subject.strike,
        entry[0] if entry else None,
        entry[-1] if entry else None,
        stop,
        tuple(targets),
    )


def read_labels(path: Path = LABELS) -> dict[str, list[TradeCall]]:
    """Labelled calls by `text_key` of their post; an empty list for a post without any.

    Columns: content_hash, instrument (`?` where the post does not say), side, leg, strike, entry_low,
    entry_high, stop, targets (parted by spaces). A post without a call is one row with its hash alone.

    Raises:
        FileNotFoundError: the file is not there.
        ValueError: a price is no number.
        KeyError: a column is missing.
    """
    labels: dict[str, list[TradeCall]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            calls = labels.setdefault(row["content_hash"], [])
            if row["instrument"]:
                strike, low, high, stop = [
                    float(row[name]) if row[name] else None
                    for name in ("strike", "entry_low", "entry_high", "stop")
                ]
                calls.append(
                    TradeCall(
                        row["instrument"],
                        "sell" if row["side"] == "sell" else "buy",
                        _LEGS.get(row["leg"]),
                        strike,
                        low,
                        high,
                        stop,
                        tuple(map(float, row["targets"].split())),
                    )
                )
    return labels


def agrees(parsed: TradeCall, label: TradeCall) -> bool:
    """Whether a call is the labelled one and says no price that the label does not.

    Its entry must overlap the label's, its stop be the same and its targets be among the label's; leaving
    one out is no contradiction.
    """
    if parsed[:4] != label[:4]:
        return False
    if parsed.entry_low is not None and parsed.entry_high is not None:
        if label.entry_low is None or label.entry_high is None:
            return False
        if parsed.entry_low > label.entry_high or parsed.entry_high < label.entry_low:
            return False
    return parsed.stop in (None, label.stop) and set(parsed.targets) <= set(label.targets)


def evaluate(texts: Iterable[str], labels: Mapping[str, Sequence[TradeCall]]) -> Tally:
    """Parses those captured texts that have labels, each `text_key` once, and compares."""
    labelled = {key: text for text in texts if (key := text_key(text)) in labels}
    n_right = n_parsed = 0
    parsed = _parse(pa.array([normalise(text) for text in labelled.values()], pa.string()))
    for row, key in enumerate(labelled):
        calls, left = parsed.get(row, []), list(labels[key])
        n_parsed += len(calls)
        for call in calls:
            hit = next((place for place, label in enumerate(left) if agrees(call, label)), None)
            if hit is not None:
                del left[hit]
                n_right += 1
    return Tally(len(labelled), n_parsed, n_right, sum(len(labels[key]) for key in labelled))
