"""What moved a score: the words, word pairs and rules of a text, with what each adds.

A score is a sum, so it comes apart exactly: a word's part is that of the word, its letters and its tag
together. Parts are in log-odds, after calibration; with the intercept they add up to the log-odds of
`p_view`, `p_up` and `p_promo`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from ml import grams, rules
from ml.grams import BLOCKS
from ml.model import DIRECTION, PROMO, REGISTERS, VIEW, Model, add_rules, fill_gates
from ml.tokens import Tokens

EXPLAINED = ("view", "direction", "promo")
SOURCES = ("word", "pair", "rule", "base")
_WORD, _PAIR, _RULE, _BASE = range(4)
_LETTERS, _PAIRS = BLOCKS.index("letters"), BLOCKS.index("pair")
_R = len(REGISTERS)

EVIDENCE_TYPE = pa.list_(
    pa.struct(
        [
            pa.field("score", pa.string()),
            pa.field("source", pa.string()),
            pa.field("term", pa.string()),
            pa.field("log_odds", pa.float32()),
        ]
    )
)


class _Parts(NamedTuple):
    """Parts of n texts; those of text i are `rows[i]` to `rows[i + 1]`, by score, the largest first."""

    rows: NDArray[np.int64]
    scores: NDArray[np.int8]
    sources: NDArray[np.int8]
    firsts: NDArray[np.int64]
    """First token of a word or pair, or the rule feature."""
    lasts: NDArray[np.int64]
    values: NDArray[np.float64]


@njit(cache=True, nogil=True)
def _take_apart(
    token_rows: NDArray[np.int64],
    token_ends: NDArray[np.int32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int32],
    weighed: NDArray[np.float64],
    blocks: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    weights: NDArray[np.float32],
    raw: NDArray[np.float64],
    features: NDArray[np.float64],
    rule_weights: NDArray[np.float64],
    bias: NDArray[np.float64],
    register_mix: NDArray[np.float64],
    view: NDArray[np.float64],
    direction: NDArray[np.float64],
    promo: NDArray[np.float64],
    most: int,
    out_rows: NDArray[np.int64],
    out_scores: NDArray[np.int8],
    out_sources: NDArray[np.int8],
    out_firsts: NDArray[np.int64],
    out_lasts: NDArray[np.int64],
    out_values: NDArray[np.float64],
) -> None:
    count = 0
    gates = np.empty(_R)
    n_rules = features.shape[1]
    for row in range(len(rows) - 1):
        add_rules(features[row], rule_weights, bias, raw[row])
        fill_gates(raw[row], register_mix, gates)
        combine = np.zeros((raw.shape[1], 3))
        base = np.array([0.0, 0.0, promo[1]])
        slopes = np.array([0.0, 0.0, promo[0]])
        for register in range(_R):
            slopes[0] += gates[register] * view[0, register]
            slopes[1] += gates[register] * direction[0, register]
            base[0] += gates[register] * view[1, register]
            base[1] += gates[register] * direction[1, register]
        combine[VIEW, 0], combine[DIRECTION, 1], combine[PROMO, 2] = slopes
        for register in range(_R):
            combine[VIEW + 1 + register, 0] = slopes[0] * gates[register]
            combine[DIRECTION + 1 + register, 1] = slopes[1] * gates[register]
        for score in range(raw.shape[1]):
            for which in range(3):
                base[which] += bias[score] * combine[score, which]
        first = token_rows[row]
        n_tokens = token_rows[row + 1] - first
        n_entries = rows[row + 1] - rows[row]
        size = n_tokens + n_entries + n_rules
        values = np.zeros((size, 3))
        froms, tos = np.empty(size, np.int64), np.empty(size, np.int64)
        for token in range(n_tokens):
            froms[token] = tos[token] = first + token
        for entry in range(rows[row], rows[row + 1]):
            place = n_tokens + entry - rows[row]
            froms[place], tos[place] = starts[entry], ends[entry]
            if blocks[entry] == _LETTERS:
                byte = starts[entry] if starts[entry] >= 0 else -1 - starts[entry]
                place = np.searchsorted(token_ends[first : first + n_tokens], byte, side="right")
            elif blocks[entry] != _PAIRS:
                place = starts[entry] - first
            for score in range(raw.shape[1]):
                for which in range(3):
                    if combine[score, which] != 0:
                        values[place, which] += (
                            weighed[entry] * weights[columns[entry], score] * combine[score, which]
                        )
        for rule in range(n_rules):
            place = n_tokens + n_entries + rule
            froms[place] = tos[place] = rule
            for score in range(raw.shape[1]):
                for which in range(3):
                    values[place, which] += (
                        features[row, rule] * rule_weights[rule, score] * combine[score, which]
                    )
        for which in range(3):
            kept = 0
            used = np.zeros(size, np.bool_)
            while kept < most:
                best = -1
                for place in range(size):
                    value = 0.0 if used[place] else abs(values[place, which])
                    if value > 0 and (best < 0 or value > abs(values[best, which])):
                        best = place
                if best < 0:
                    break
                used[best] = True
                out_scores[count] = which
                out_sources[count] = (
                    _WORD if best < n_tokens else _PAIR if best < n_tokens + n_entries else _RULE
                )
                out_firsts[count], out_lasts[count] = froms[best], tos[best]
                out_values[count] = values[best, which]
                count += 1
                kept += 1
            out_scores[count], out_sources[count], out_values[count] = which, _BASE, base[which]
            out_firsts[count] = out_lasts[count] = 0
            count += 1
        out_rows[row + 1] = count


@njit(cache=True, nogil=True)
def _copy(source: NDArray[np.uint8], start: int, end: int, out: NDArray[np.uint8], at: int) -> int:
    for byte in range(start, end):
        out[at] = source[byte]
        at += 1
    return at


@njit(cache=True, nogil=True)
def _spell(
    data: NDArray[np.uint8],
    token_rows: NDArray[np.int64],
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    names: NDArray[np.uint8],
    name_ends: NDArray[np.int64],
    rows: NDArray[np.int64],
    sources: NDArray[np.int8],
    firsts: NDArray[np.int64],
    lasts: NDArray[np.int64],
    offsets: NDArray[np.int32],
    out: NDArray[np.uint8],
) -> int:
    """Writes each part's term; the bounds of a text, which pairs reach, are left empty."""
    at = 0
    for row in range(len(rows) - 1):
        for part in range(rows[row], rows[row + 1]):
            first, last = firsts[part], lasts[part]
            if sources[part] == _RULE:
                at = _copy(names, name_ends[first - 1] if first else 0, name_ends[first], out, at)
            elif sources[part] == _WORD:
                at = _copy(data, starts[first], ends[first], out, at)
            elif sources[part] == _PAIR:
                if first >= token_rows[row]:
                    at = _copy(data, starts[first], ends[first], out, at)
                for _ in range(last - first - 1):
                    out[at], out[at + 1] = 32, 42
                    at += 2
                out[at] = 32
                at += 1
                if last < token_rows[row + 1]:
                    at = _copy(data, starts[last], ends[last], out, at)
            offsets[part + 1] = at
    return at


def evidence(model: Model, tokens: Tokens, most: int, *, with_base: bool = False) -> pa.ListArray:
    """The `most` largest parts of each of `EXPLAINED`, per text: n rows of `EVIDENCE_TYPE`.

    With the base, each score's intercept comes last, as a part of source `base`.
    """
    features, _ = rules.read(tokens)
    weighted = model.weigh(tokens)
    raw = grams.project(weighted, model.weights)
    n = len(raw)
    longest = int(np.diff(tokens.rows).max(initial=0) + np.diff(weighted.rows).max(initial=0)) + len(
        rules.FEATURES
    )
    capacity = 3 * n * (min(most, longest) + 1)
    parts = _Parts(
        np.zeros(n + 1, np.int64),
        np.empty(capacity, np.int8),
        np.empty(capacity, np.int8),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
        np.empty(capacity),
    )
    _take_apart(
        tokens.rows, tokens.ends, *weighted, model.weights, raw, features, model.rule_weights, model.bias,
        model.register_mix, model.view, model.direction, model.promo, most, *parts,
    )  # fmt: skip
    kept = np.arange(capacity) < parts.rows[-1]
    if not with_base:
        kept &= parts.sources != _BASE
    before = np.concatenate([[0], np.cumsum(kept)])
    part_rows = before[parts.rows]
    columns = [column[kept] for column in parts[1:]]
    scores, sources, firsts, lasts, values = columns
    names = "".join(rules.FEATURES).encode()
    name_ends = np.cumsum([len(name) for name in rules.FEATURES])
    is_text = sources < _RULE
    room = len(names) * int((sources == _RULE).sum()) + 8 * len(sources)
    if len(tokens.kinds):
        widths = (tokens.ends - tokens.starts).astype(np.int64)
        places = np.clip(np.stack([firsts[is_text], lasts[is_text]]), 0, len(widths) - 1)
        room += int(widths[places].sum())
    offsets, out = np.zeros(len(sources) + 1, np.int32), np.empty(room, np.uint8)
    used = _spell(
        tokens.data, tokens.rows, tokens.starts, tokens.ends, np.frombuffer(names, np.uint8), name_ends,
        part_rows, sources, firsts, lasts, offsets, out,
    )  # fmt: skip
    terms = pa.StringArray.from_buffers(len(sources), pa.py_buffer(offsets), pa.py_buffer(out[:used]))
    fields = [
        pa.array(EXPLAINED).take(pa.array(scores)),
        pa.array(SOURCES).take(pa.array(sources)),
        terms,
        pa.array(values.astype(np.float32)),
    ]
    parts_array = pa.StructArray.from_arrays(fields, fields=list(EVIDENCE_TYPE.value_type))
    return pa.ListArray.from_arrays(pa.array(part_rows, pa.int32()), parts_array)
