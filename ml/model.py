"""The shipped linear model: n-grams and lexicon rules in, stance, promotion and class out.

Every score is a sum over a post's grams (`grams`) and rule features (`rules`), so each can be taken apart
again (`explain`). How a crowd writes says much about what its words mean: "falls" is news in a headline
and a call on a trading floor. So a post is first placed in a register (a soft choice between `REGISTERS`),
and for view and direction each register adds its own weights to the shared ones.

P(view) and direction, promotion and class are logistic in their sums, with slopes and intercepts fitted on
predictions for texts that the weights had not seen. A label follows from both: see `Model.label_odds`.

The model is a folder of Parquet and JSON. Its version is a hash of what decides a score.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit
from numpy.typing import NDArray

from ml import grams, rules
from ml.tokens import HashIndex, Tokens, index

UNIT = 1e-4
"""What a gram's weight of 1 stands for."""
SHIPPED = Path(__file__).with_name("shipped")

CLASSES = ("view", "levels", "market_update", "news", "education", "promo", "other")
REGISTERS = ("trader", "news", "headline", "india")
"""Messages of US traders, tweeted financial news, Indian headlines, posts on Indian markets."""

# Columns of raw scores: one per register; then view and direction, each shared and per register; promotion;
# one per class.
_R = len(REGISTERS)
SCORES = (
    *(f"register_{name}" for name in REGISTERS),
    "view",
    *(f"view_{name}" for name in REGISTERS),
    "direction",
    *(f"direction_{name}" for name in REGISTERS),
    "promo",
    *(f"class_{name}" for name in CLASSES),
)
_K, _LINE = len(SCORES), 32
# Raised where the code of text, tokens, grams or rules reads texts otherwise, so that texts are scored anew.
_READING = 1
_REMEMBERED = 1 << 16  # words that a memory holds
_NOTHING = -10.0  # log-odds of a view in a text without a token
VIEW, DIRECTION, PROMO, _CLASS = _R, 2 * _R + 1, 3 * _R + 2, 3 * _R + 3
WORD_PART, PAIR_PART, RULE_PART, BASE_PART = range(4)
_LETTERS, _PAIRS = grams.BLOCKS.index("letters"), grams.BLOCKS.index("pair")
_LENGTH_OF_LETTERS = grams.LENGTHS[_LETTERS]
_MODEL, _GRAMS = "model.json", "grams.parquet"
_GRAMS_SCHEMA = pa.schema(
    [
        ("gram", pa.string()),
        ("block", pa.string()),
        ("hash", pa.uint64()),
        ("idf", pa.float32()),
        *((name, pa.int16()) for name in SCORES),
    ]
)


class Judgement(NamedTuple):
    """Scores of n posts, one array each of length n."""

    sentiment: NDArray[np.float64]
    """Expected direction in (-1, 1): P(view) times P(up) less P(down), given a view."""
    label: NDArray[np.int8]
    """1 up, -1 down, 0 no view."""
    p_view: NDArray[np.float64]
    """Probability that the author takes a side."""
    p_up: NDArray[np.float64]
    """Probability that the side is up, given a view."""
    p_promo: NDArray[np.float64]
    """Probability that the post recruits or sells."""
    content_class: NDArray[np.int64]
    """Index into `CLASSES`."""


class Parts(NamedTuple):
    """What scores are made of; parts of text i are `rows[i]` to `rows[i + 1]`, by score, the largest first.

    They add up to the score's log-odds, if all are kept; the last of a score is its intercept.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.int8]
    """0 view, 1 direction, 2 promotion."""
    sources: NDArray[np.int8]
    """`WORD_PART` (with the word's letters and tag), `PAIR_PART`, `RULE_PART` or `BASE_PART`."""
    firsts: NDArray[np.int64]
    """First token of a word or pair, or the rule feature; `lasts`, the last."""
    lasts: NDArray[np.int64]
    values: NDArray[np.float64]


class _Table(NamedTuple):
    """Grams as scoring looks them up."""

    slots: NDArray[np.uint64]
    idf: NDArray[np.float32]
    weights: NDArray[np.int16]
    """[grams, 32] each gram's on one line of the processor's cache: look-ups wait for memory."""


class _Memory(NamedTuple):
    """What the letters of words add, which depends on the word alone. For one thread at a time."""

    places: NDArray[np.int32]
    """Look-up by hash: a row + 1, or 0."""
    hashes: NDArray[np.uint64]
    sums: NDArray[np.float32]
    """[words, 32] what the letters add to each of the k scores, before the block is scaled; their squared
    length; nothing."""
    size: NDArray[np.int64]
    """[1] words so far."""


@dataclass(frozen=True, eq=False)
class Model:
    """Weights and calibration. f grams, d rule features, k = len(SCORES), r registers."""

    names: tuple[str, ...]
    blocks: tuple[str, ...]
    hashes: NDArray[np.uint64]
    idf: NDArray[np.float32]
    """[f]"""
    weights: NDArray[np.int16]
    """[f, k] in units of `UNIT`."""
    rule_weights: NDArray[np.float64]
    """[d, k]"""
    bias: NDArray[np.float64]
    """[k]"""
    register_mix: NDArray[np.float64]
    """[r + 1, r] raw register scores, and 1 -> log-odds of the registers."""
    view: NDArray[np.float64]
    """[2, r] slope and intercept per register; `direction` likewise."""
    direction: NDArray[np.float64]
    promo: NDArray[np.float64]
    """[2] slope and intercept."""
    label_odds: NDArray[np.float64]
    """[r] A side is called where its probability times this reaches that of no view: at 1 the likeliest
    label wins; above it sides, which are rarer, are found more often. Registers mix by their logarithms."""

    @cached_property
    def version(self) -> str:
        """Hash of what decides a score: weights, lexicon, the rules' names, `_READING`."""
        digest = hashlib.sha256(rules.LEXICON.read_bytes())
        digest.update(repr((SCORES, rules.FEATURES, _READING)).encode())
        for array in (
            self.hashes, self.idf, self.weights, self.rule_weights, self.bias, self.register_mix, self.view,
            self.direction, self.promo, self.label_odds,
        ):  # fmt: skip
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def _tables(self) -> tuple[_Table, _Table]:
        """Of letters, and of all else."""
        is_letters = np.array(self.blocks) == grams.BLOCKS[_LETTERS]
        letters, others = (
            _Table(index(self.hashes[rows]).slots, self.idf[rows], _in_lines(self.weights[rows]))
            for rows in (is_letters, ~is_letters)
        )
        return letters, others

    @cached_property
    def _memories(self) -> list[_Memory]:
        """Those that no thread uses at the moment."""
        return []

    def judge(self, tokens: Tokens, most: int = 0) -> tuple[Judgement, Parts]:
        """Scores of n texts, and the `most` largest parts of view, direction and promotion in each.

        Each text's depend on its own tokens alone, bit by bit.
        """
        features, _ = rules.read(tokens)
        table = self._tables[1]
        weighted = grams.weigh(tokens, HashIndex(table.slots), table.idf, with_letters=False)
        n = len(features)
        judged = Judgement(
            np.empty(n), np.empty(n, np.int8), np.empty(n), np.empty(n), np.empty(n), np.empty(n, np.int64)
        )
        longest = np.diff(tokens.rows).max(initial=0) + np.diff(weighted.rows).max(initial=0)
        most = min(most, int(longest) + len(rules.FEATURES))
        room = 3 * n * (most + 1)
        parts = Parts(
            np.zeros(n + 1, np.int64),
            np.empty(room, np.int8),
            np.empty(room, np.int8),
            np.empty(room, np.int64),
            np.empty(room, np.int64),
            np.empty(room),
        )
        memory = _memory(len(tokens.kinds), self._memories)
        words = _recall(*tokens[:-1], *memory, *self._tables[0])
        _judge(
            tokens.rows, words, memory.sums, *weighted, table.weights, features,
            self.rule_weights, self.bias, self.register_mix, self.view, self.direction, self.promo,
            self.label_odds, most, *judged, *parts,
        )  # fmt: skip
        if len(memory.sums) == _REMEMBERED:
            self._memories.append(memory)
        used = parts.rows[-1]
        return judged, Parts._make([parts.rows, *(column[:used] for column in parts[1:])])


def _in_lines(weights: NDArray[np.int16]) -> NDArray[np.int16]:
    """The weights [f, k], padded to [f, 32] and aligned."""
    room = np.zeros((len(weights) + 1) * _LINE, np.int16)
    start = -room.ctypes.data % 64 // 2
    padded = room[start : start + len(weights) * _LINE].reshape(-1, _LINE)
    padded[:, :_K] = weights
    return padded


def _memory(words: int, spare: list[_Memory]) -> _Memory:
    """One with room for so many words: a spare one, or else a new one."""
    if words <= _REMEMBERED:
        try:
            return spare.pop()
        except IndexError:
            words = _REMEMBERED
    room = np.zeros(words * _LINE + 16, np.float32)
    start = -room.ctypes.data % 64 // 4
    sums = room[start : start + words * _LINE].reshape(-1, _LINE)
    places = np.zeros(1 << (2 * words).bit_length(), np.int32)
    return _Memory(places, np.empty(words, np.uint64), sums, np.zeros(1, np.int64))


@njit(cache=True, nogil=True)
def _place(digest: np.uint64, places: NDArray[np.int32], known: NDArray[np.uint64]) -> Any:
    """Where a word is in the look-up, or belongs."""
    mask = np.uint64(len(places) - 1)
    at = (digest ^ (digest >> np.uint64(32))) & mask
    while places[at] > 0 and known[places[at] - 1] != digest:
        at = (at + np.uint64(1)) & mask
    return at


@njit(cache=True, nogil=True)
def _recall(
    data: NDArray[np.uint8],
    rows: NDArray[np.int64],
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    hashes: NDArray[np.uint64],
    places: NDArray[np.int32],
    known: NDArray[np.uint64],
    sums: NDArray[np.float32],
    size: NDArray[np.int64],
    slots: NDArray[np.uint64],
    idf: NDArray[np.float32],
    weights: NDArray[np.int16],
) -> NDArray[np.int32]:
    """Each token's row in the memory, which learns words that it has not got, and forgets all when full.

    -1 for a token without letters, and for a word that the text has said before.
    """
    n = len(kinds)
    words, repeated, n_new = np.full(n, -1, np.int32), grams.repeats(rows, kinds, starts, ends, hashes), 0
    for token in range(n):
        if grams.has_letters(kinds[token], starts[token], ends[token]) and not repeated[token]:
            words[token] = places[_place(hashes[token], places, known)]
            n_new += words[token] == 0
    if size[0] + n_new > len(known):
        places[:] = 0
        size[0] = 0
    room = grams.room_for_letters(starts, ends)
    letter_hashes, columns = np.empty(room, np.uint64), np.empty(room, np.int32)
    firsts, lasts = np.empty(room, np.int64), np.empty(room, np.int64)
    seen, total = np.full(len(idf) if n_new else 0, -1, np.int32), np.empty(_K + 1)
    for token in range(n):
        if words[token] < 0:
            continue
        at = _place(hashes[token], places, known)
        if places[at] == 0:
            word = size[0]
            size[0] = word + 1
            places[at], known[word] = word + 1, hashes[token]
            total[:] = 0
            count = grams.scan_letters(
                data, starts[token], ends[token], slots, seen, token, letter_hashes, firsts, lasts, columns
            )
            for gram in range(count):
                column = np.uint64(columns[gram])
                weight = np.float64(idf[column])
                for score in range(_K):
                    total[score] += weight * UNIT * weights[column, score]
                total[_K] += weight * weight
            for score in range(_K + 1):
                sums[word, score] = total[score]
        words[token] = places[at] - 1
    return words


@njit(cache=True, nogil=True)
def _logistic(score: float) -> float:
    return 1 / (1 + math.exp(-score))


@njit(cache=True, nogil=True)
def _keep_largest(
    values: NDArray[np.float64], which: int, size: int, most: int, best: NDArray[np.int64]
) -> int:
    """Puts the places of the `most` largest values[:size, which] into `best`, largest first; says how many.

    Zeros are left out; of equals, the earlier place comes first.
    """
    kept = 0
    for place in range(size):
        value = abs(values[place, which])
        if value == 0 or (kept == most and value <= abs(values[best[kept - 1], which])):
            continue
        at = kept if kept < most else most - 1
        kept = max(kept, at + 1)
        while at > 0 and value > abs(values[best[at - 1], which]):
            best[at] = best[at - 1]
            at -= 1
        best[at] = place
    return kept


@njit(cache=True, nogil=True)
def _add_effects(
    values: NDArray[np.float64],
    place: int,
    times: float,
    scores: NDArray[Any],
    row: int,
    effects: NDArray[np.float64],
) -> None:
    """Adds what a row of raw scores, so many times, does to view, direction and promotion."""
    of_view, of_up = 0.0, 0.0
    for score in range(_R + 1):
        of_view += effects[score] * scores[row, VIEW + score]
        of_up += effects[_R + 1 + score] * scores[row, DIRECTION + score]
    values[place, 0] += times * of_view
    values[place, 1] += times * of_up
    values[place, 2] += times * effects[2 * _R + 2] * scores[row, PROMO]


@njit(cache=True, nogil=True)
def _judge(
    token_rows: NDArray[np.int64],
    words: NDArray[np.int32],
    sums: NDArray[np.float32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int32],
    weighed: NDArray[np.float64],
    blocks: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    weights: NDArray[np.int16],
    features: NDArray[np.float64],
    rule_weights: NDArray[np.float64],
    bias: NDArray[np.float64],
    register_mix: NDArray[np.float64],
    view: NDArray[np.float64],
    direction: NDArray[np.float64],
    promo: NDArray[np.float64],
    label_odds: NDArray[np.float64],
    most: int,
    sentiment: NDArray[np.float64],
    label: NDArray[np.int8],
    p_view: NDArray[np.float64],
    p_up: NDArray[np.float64],
    p_promo: NDArray[np.float64],
    content_class: NDArray[np.int64],
    out_rows: NDArray[np.int64],
    out_scores: NDArray[np.int8],
    out_sources: NDArray[np.int8],
    out_firsts: NDArray[np.int64],
    out_lasts: NDArray[np.int64],
    out_values: NDArray[np.float64],
) -> None:
    # Sums run one by one in the text's own order: a matrix product may round by the batch's shape.
    n_rules = features.shape[1]
    widest = 0
    for row in range(len(rows) - 1):
        widest = max(widest, token_rows[row + 1] - token_rows[row] + rows[row + 1] - rows[row])
    values = np.zeros((widest + n_rules if most else 0, 3))
    best = np.empty(most, np.int64)
    gates, raw, letters, slopes, bases = (
        np.empty(_R),
        np.empty(_K),
        np.empty(_K + 1),
        np.empty(3),
        np.empty((1, 3)),
    )
    effects, biases, count = np.empty(2 * _R + 3), bias.reshape(1, _K), 0
    for row in range(len(rows) - 1):
        letters[:] = 0
        for token in range(token_rows[row], token_rows[row + 1]):
            word = words[token]
            if word >= 0:
                for score in range(_K + 1):
                    letters[score] += sums[word, score]
        scale = _LENGTH_OF_LETTERS / math.sqrt(letters[_K]) if letters[_K] > 0 else 0.0
        for score in range(_K):
            raw[score] = bias[score] + scale * letters[score]
        for entry in range(rows[row], rows[row + 1]):
            weight, column = weighed[entry] * UNIT, np.uint64(columns[entry])
            for score in range(_K):
                raw[score] += weight * weights[column, score]
        for rule in range(n_rules):
            if features[row, rule] != 0:
                for score in range(_K):
                    raw[score] += features[row, rule] * rule_weights[rule, score]
        total = 0.0
        for register in range(_R):
            odds = register_mix[_R, register]
            for score in range(_R):
                odds += raw[score] * register_mix[score, register]
            gates[register] = math.exp(min(odds, 300.0))
            total += gates[register]
        view_score, up_score, least_odds = raw[VIEW], raw[DIRECTION], 0.0
        slopes[0] = slopes[1] = bases[0, 0] = bases[0, 1] = 0.0
        slopes[2], bases[0, 2] = promo
        for register in range(_R):
            gates[register] /= total
            gate = gates[register]
            view_score += gate * raw[VIEW + 1 + register]
            up_score += gate * raw[DIRECTION + 1 + register]
            slopes[0] += gate * view[0, register]
            bases[0, 0] += gate * view[1, register]
            slopes[1] += gate * direction[0, register]
            bases[0, 1] += gate * direction[1, register]
            least_odds += gate * math.log(label_odds[register])
        view_odds, up_odds = slopes[0] * view_score + bases[0, 0], slopes[1] * up_score + bases[0, 1]
        promo_odds = slopes[2] * raw[PROMO] + bases[0, 2]
        if token_rows[row] == token_rows[row + 1]:
            view_odds = _NOTHING
        p_view[row], p_up[row], p_promo[row] = _logistic(view_odds), _logistic(up_odds), _logistic(promo_odds)
        sentiment[row] = p_view[row] * (2 * p_up[row] - 1)
        side = max(p_up[row], 1 - p_up[row])
        has_side = math.exp(least_odds) * p_view[row] * side >= 1 - p_view[row]
        label[row] = (1 if p_up[row] >= 0.5 else -1) if has_side else 0
        best_class = _CLASS
        for score in range(_CLASS + 1, _K):
            if raw[score] > raw[best_class]:
                best_class = score
        content_class[row] = best_class - _CLASS
        if most == 0:
            continue
        first = token_rows[row]
        n_tokens, n_entries = token_rows[row + 1] - first, rows[row + 1] - rows[row]
        values[: n_tokens + n_entries] = 0
        # What one unit of each raw score adds to the log-odds: of view, of direction, of promotion.
        effects[0], effects[_R + 1], effects[2 * _R + 2] = slopes
        for register in range(_R):
            effects[1 + register] = slopes[0] * gates[register]
            effects[_R + 2 + register] = slopes[1] * gates[register]
        for token in range(first, token_rows[row + 1]):
            if words[token] >= 0:
                _add_effects(values, token - first, scale, sums, words[token], effects)
        for entry in range(rows[row], rows[row + 1]):
            is_pair = blocks[entry] == _PAIRS
            place = n_tokens + entry - rows[row] if is_pair else starts[entry] - first
            _add_effects(values, place, weighed[entry] * UNIT, weights, columns[entry], effects)
        for rule in range(n_rules):
            place = n_tokens + n_entries + rule
            values[place, 0] = values[place, 1] = values[place, 2] = 0
            if features[row, rule] != 0:
                _add_effects(values, place, features[row, rule], rule_weights, rule, effects)
        _add_effects(bases, 0, 1.0, biases, 0, effects)
        if n_tokens == 0:
            for place in range(n_tokens, n_tokens + n_entries + n_rules):
                values[place, 0] = 0
            bases[0, 0] = _NOTHING
        for which in range(3):
            kept = _keep_largest(values, which, n_tokens + n_entries + n_rules, most, best)
            for place in best[:kept]:
                out_scores[count], out_values[count] = which, values[place, which]
                if place < n_tokens:
                    out_sources[count] = WORD_PART
                    out_firsts[count] = out_lasts[count] = first + place
                elif place < n_tokens + n_entries:
                    out_sources[count] = PAIR_PART
                    entry = rows[row] + place - n_tokens
                    out_firsts[count], out_lasts[count] = starts[entry], ends[entry]
                else:
                    out_sources[count] = RULE_PART
                    out_firsts[count] = out_lasts[count] = place - n_tokens - n_entries
                count += 1
            out_scores[count], out_sources[count], out_values[count] = which, BASE_PART, bases[0, which]
            out_firsts[count] = out_lasts[count] = 0
            count += 1
        out_rows[row + 1] = count


def save(model: Model, folder: Path, about: dict[str, Any]) -> None:
    """Writes `model.json` and `grams.parquet`; `about` says where the weights come from."""
    folder.mkdir(parents=True, exist_ok=True)
    columns: list[Any] = [model.names, model.blocks, model.hashes, model.idf, *model.weights.T]
    table = pa.table([pa.array(column) for column in columns], schema=_GRAMS_SCHEMA)
    pq.write_table(table, folder / _GRAMS, compression="zstd", compression_level=19)
    content = {
        "version": model.version,
        "about": about,
        "label_odds": model.label_odds.tolist(),
        "register_mix": model.register_mix.tolist(),
        "view": model.view.tolist(),
        "direction": model.direction.tolist(),
        "promo": model.promo.tolist(),
        "bias": dict(zip(SCORES, model.bias.tolist(), strict=True)),
        "rules": {
            feature: dict(zip(SCORES, row, strict=True))
            for feature, row in zip(rules.FEATURES, model.rule_weights.tolist(), strict=True)
        },
    }
    (folder / _MODEL).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


@cache
def load(folder: Path = SHIPPED) -> Model:
    """Reads what `save` wrote.

    Raises:
        FileNotFoundError: no model there.
        ValueError: the files, the lexicon and this code's features do not belong together.
    """
    content = json.loads((folder / _MODEL).read_text(encoding="utf-8"))
    table = pq.read_table(folder / _GRAMS)
    if table.schema.names != _GRAMS_SCHEMA.names or list(content["rules"]) != list(rules.FEATURES):
        raise ValueError(f"{folder}: other features than this code's; run `make train`")
    model = Model(
        tuple(table["gram"].to_pylist()),
        tuple(table["block"].to_pylist()),
        table["hash"].to_numpy(),
        table["idf"].to_numpy(),
        np.ascontiguousarray(np.stack([table[name].to_numpy() for name in SCORES], axis=1)),
        np.array([[content["rules"][feature][name] for name in SCORES] for feature in rules.FEATURES]),
        np.array([content["bias"][name] for name in SCORES]),
        np.array(content["register_mix"]),
        np.array(content["view"]),
        np.array(content["direction"]),
        np.array(content["promo"]),
        np.array(content["label_odds"]),
    )
    if model.version != content["version"]:
        raise ValueError(
            f"{folder}: {_GRAMS} or the lexicon is not what {_MODEL} describes; run `make train`"
        )
    return model
