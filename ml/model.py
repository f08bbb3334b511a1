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
VIEW, DIRECTION, PROMO, _CLASS = _R, 2 * _R + 1, 3 * _R + 2, 3 * _R + 3
_MODEL, _GRAMS = "model.json", "grams.parquet"
_GRAMS_SCHEMA = pa.schema(
    [
        ("gram", pa.string()),
        ("block", pa.string()),
        ("hash", pa.uint64()),
        ("idf", pa.float32()),
        *((name, pa.float32()) for name in SCORES),
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


@dataclass(frozen=True, eq=False)
class Model:
    """Weights and calibration. f grams, d rule features, k = len(SCORES), r registers."""

    names: tuple[str, ...]
    blocks: tuple[str, ...]
    hashes: NDArray[np.uint64]
    idf: NDArray[np.float32]
    """[f]"""
    weights: NDArray[np.float32]
    """[f, k]"""
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
    def _idf(self) -> NDArray[np.float64]:
        return self.idf.astype(np.float64)

    def weigh(self, tokens: Tokens) -> grams.Weighted:
        """The texts' grams that the model knows."""
        return grams.weigh(tokens, self._index, self._idf)

    def judge(self, tokens: Tokens) -> Judgement:
        """Scores of n texts; each depends on its own tokens alone, bit by bit."""
        features, _ = rules.read(tokens)
        raw = grams.project(self.weigh(tokens), self.weights)
        n = len(raw)
        judged = Judgement(
            np.empty(n), np.empty(n, np.int8), np.empty(n), np.empty(n), np.empty(n), np.empty(n, np.int64)
        )
        _finish(
            raw, features, self.rule_weights, self.bias, self.register_mix, self.view, self.direction,
            self.promo, self.label_odds, *judged,
        )  # fmt: skip
        return judged


@njit(cache=True, nogil=True)
def _logistic(score: float) -> float:
    return 1 / (1 + math.exp(-score))


@njit(cache=True, nogil=True)
def fill_gates(
    raw: NDArray[np.float64], register_mix: NDArray[np.float64], gates: NDArray[np.float64]
) -> None:
    """Shares of the registers [r] from one text's raw scores [k]."""
    total = 0.0
    for register in range(_R):
        odds = register_mix[_R, register]
        for score in range(_R):
            odds += raw[score] * register_mix[score, register]
        gates[register] = math.exp(min(odds, 300.0))
        total += gates[register]
    for register in range(_R):
        gates[register] /= total


@njit(cache=True, nogil=True)
def add_rules(
    features: NDArray[np.float64],
    rule_weights: NDArray[np.float64],
    bias: NDArray[np.float64],
    raw: NDArray[np.float64],
) -> None:
    """Adds to one text's raw scores [k] what its rule features [d] and the biases say."""
    # Scalar sums in a fixed order: a matrix product may round by the batch's shape.
    for score in range(len(raw)):
        raw[score] += bias[score]
    for feature in range(len(features)):
        if features[feature] != 0:
            for score in range(len(raw)):
                raw[score] += features[feature] * rule_weights[feature, score]


@njit(cache=True, nogil=True)
def _finish(
    raw: NDArray[np.float64],
    features: NDArray[np.float64],
    rule_weights: NDArray[np.float64],
    bias: NDArray[np.float64],
    register_mix: NDArray[np.float64],
    view: NDArray[np.float64],
    direction: NDArray[np.float64],
    promo: NDArray[np.float64],
    label_odds: NDArray[np.float64],
    sentiment: NDArray[np.float64],
    label: NDArray[np.int8],
    p_view: NDArray[np.float64],
    p_up: NDArray[np.float64],
    p_promo: NDArray[np.float64],
    content_class: NDArray[np.int64],
) -> None:
    gates = np.empty(_R)
    for row in range(len(raw)):
        add_rules(features[row], rule_weights, bias, raw[row])
        fill_gates(raw[row], register_mix, gates)
        view_score, up_score = raw[row, VIEW], raw[row, DIRECTION]
        view_slope = view_base = up_slope = up_base = least_odds = 0.0
        for register in range(_R):
            gate = gates[register]
            view_score += gate * raw[row, VIEW + 1 + register]
            up_score += gate * raw[row, DIRECTION + 1 + register]
            view_slope += gate * view[0, register]
            view_base += gate * view[1, register]
            up_slope += gate * direction[0, register]
            up_base += gate * direction[1, register]
            least_odds += gate * math.log(label_odds[register])
        p_view[row] = _logistic(view_slope * view_score + view_base)
        p_up[row] = _logistic(up_slope * up_score + up_base)
        p_promo[row] = _logistic(promo[0] * raw[row, PROMO] + promo[1])
        sentiment[row] = p_view[row] * (2 * p_up[row] - 1)
        side = max(p_up[row], 1 - p_up[row])
        has_side = math.exp(least_odds) * p_view[row] * side >= 1 - p_view[row]
        label[row] = (1 if p_up[row] >= 0.5 else -1) if has_side else 0
        content_class[row] = np.argmax(raw[row, _CLASS:])


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
