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
_NOTHING = -10.0  # log-odds of a view in a text without a token
VIEW, DIRECTION, PROMO, _CLASS = _R, 2 * _R + 1, 3 * _R + 2, 3 * _R + 3
WORD_PART, PAIR_PART, RULE_PART, BASE_PART = range(4)
_LETTERS, _PAIRS = grams.BLOCKS.index("letters"), grams.BLOCKS.index("pair")
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
    """[r] A label is given where the likelier side's probability times this reaches that of no view: at 1
    the likeliest label wins; above it sides, which are rarer, are found more often. Registers mix by
    their logarithms."""

    @cached_property
    def version(self) -> str:
        """Hash of everything that decides a score, the lexicon and rule features included."""
        digest = hashlib.sha256(rules.LEXICON.read_bytes())
        digest.update(repr((SCORES, rules.FEATURES)).encode())
        for array in (
            self.hashes, self.idf, self.weights, self.rule_weights, self.bias, self.register_mix, self.view,
            self.direction, self.promo, self.label_odds,
        ):  # fmt: skip
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def _index(self) -> HashIndex:
        return index(self.hashes)

    @cached_property
    def _padded(self) -> NDArray[np.int16]:
        """[f, 32] the weights, each gram's on one line of the processor's cache: look-ups wait for memory."""
        room = np.zeros((len(self.weights) + 1) * _LINE, np.int16)
        start = -room.ctypes.data % 64 // 2
        padded = room[start : start + len(self.weights) * _LINE].reshape(-1, _LINE)
        padded[:, :_K] = self.weights
        return padded

    def weigh(self, tokens: Tokens) -> grams.Weighted:
        """The texts' grams that the model knows."""
        return grams.weigh(tokens, self._index, self.idf)

    def judge(self, tokens: Tokens, most: int = 0) -> tuple[Judgement, Parts]:
        """Scores of n texts, and the `most` largest parts of view, direction and promotion in each.

        Each text's depend on its own tokens alone, bit by bit.
        """
        features, _ = rules.read(tokens)
        weighted = self.weigh(tokens)
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
        _judge(
            tokens.rows, tokens.ends, *weighted, self._padded, features, self.rule_weights, self.bias,
            self.register_mix, self.view, self.direction, self.promo, self.label_odds, most, *judged, *parts,
        )  # fmt: skip
        used = parts.rows[-1]
        return judged, Parts._make([parts.rows, *(column[:used] for column in parts[1:])])


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
def _judge(
    token_rows: NDArray[np.int64],
    token_ends: NDArray[np.int32],
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
    gates, raw, slopes, bases = np.empty(_R), np.empty(_K), np.empty(3), np.empty(3)
    count = 0
    for row in range(len(rows) - 1):
        for score in range(_K):
            raw[score] = bias[score]
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
        slopes[0] = slopes[1] = bases[0] = bases[1] = 0.0
        slopes[2], bases[2] = promo
        for register in range(_R):
            gates[register] /= total
            gate = gates[register]
            view_score += gate * raw[VIEW + 1 + register]
            up_score += gate * raw[DIRECTION + 1 + register]
            slopes[0] += gate * view[0, register]
            bases[0] += gate * view[1, register]
            slopes[1] += gate * direction[0, register]
            bases[1] += gate * direction[1, register]
            least_odds += gate * math.log(label_odds[register])
        view_odds, up_odds = slopes[0] * view_score + bases[0], slopes[1] * up_score + bases[1]
        promo_odds = slopes[2] * raw[PROMO] + bases[2]
        if token_rows[row] == token_rows[row + 1]:
            view_odds = _NOTHING
        p_view[row], p_up[row], p_promo[row] = _logistic(view_odds), _logistic(up_odds), _logistic(promo_odds)
        sentiment[row] = p_view[row] * (2 * p_up[row] - 1)
        side = max(p_up[row], 1 - p_up[row])
        has_side = math.exp(least_odds) * p_view[row] * side >= 1 - p_view[row]
        label[row] = (1 if p_up[row] >= 0.5 else -1) if has_side else 0
        content_class[row] = np.argmax(raw[_CLASS:])
        if most == 0:
            continue
        first = token_rows[row]
        n_tokens, n_entries = token_rows[row + 1] - first, rows[row + 1] - rows[row]
        values[: n_tokens + n_entries] = 0
        for entry in range(rows[row], rows[row + 1]):
            weight, column = weighed[entry] * UNIT, np.uint64(columns[entry])
            place = n_tokens + entry - rows[row]
            if blocks[entry] == _LETTERS:
                byte = starts[entry] if starts[entry] >= 0 else -1 - starts[entry]
                place = 0
                while token_ends[first + place] <= byte:
                    place += 1
            elif blocks[entry] != _PAIRS:
                place = starts[entry] - first
            of_view, of_up = np.float64(weights[column, VIEW]), np.float64(weights[column, DIRECTION])
            for register in range(_R):
                of_view += gates[register] * weights[column, VIEW + 1 + register]
                of_up += gates[register] * weights[column, DIRECTION + 1 + register]
            values[place, 0] += weight * of_view * slopes[0]
            values[place, 1] += weight * of_up * slopes[1]
            values[place, 2] += weight * weights[column, PROMO] * slopes[2]
        for rule in range(n_rules):
            place = n_tokens + n_entries + rule
            of_view, of_up = rule_weights[rule, VIEW], rule_weights[rule, DIRECTION]
            for register in range(_R):
                of_view += gates[register] * rule_weights[rule, VIEW + 1 + register]
                of_up += gates[register] * rule_weights[rule, DIRECTION + 1 + register]
            values[place, 0] = features[row, rule] * of_view * slopes[0]
            values[place, 1] = features[row, rule] * of_up * slopes[1]
            values[place, 2] = features[row, rule] * rule_weights[rule, PROMO] * slopes[2]
        of_view, of_up = bias[VIEW], bias[DIRECTION]
        for register in range(_R):
            of_view += gates[register] * bias[VIEW + 1 + register]
            of_up += gates[register] * bias[DIRECTION + 1 + register]
        bases[0] += slopes[0] * of_view
        bases[1] += slopes[1] * of_up
        bases[2] += slopes[2] * bias[PROMO]
        if n_tokens == 0:
            for place in range(n_tokens, n_tokens + n_entries + n_rules):
                values[place, 0] = 0
            bases[0] = _NOTHING
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
            out_scores[count], out_sources[count], out_values[count] = which, BASE_PART, bases[which]
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
