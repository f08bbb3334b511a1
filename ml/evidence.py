"""What moved a score: the words, word pairs and rules of a text, with what each adds.

A score is a sum, so it comes apart exactly: a word's part is that of the word, its letters and its tag
together. Parts are in log-odds, after calibration; with the intercept they add up to the log-odds of
`p_view`, `p_up` and `p_promo`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from ml import rules
from ml.model import BASE_PART, PAIR_PART, RULE_PART, WORD_PART, Parts
from ml.tokens import Tokens

EXPLAINED = ("view", "direction", "promo")
_START, _END = b"<start>", b"<end>"
SOURCES = ("word", "pair", "rule", "base")

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
    bounds: NDArray[np.uint8],
    names: NDArray[np.uint8],
    name_ends: NDArray[np.int64],
    rows: NDArray[np.int64],
    sources: NDArray[np.int8],
    firsts: NDArray[np.int64],
    lasts: NDArray[np.int64],
    offsets: NDArray[np.int32],
    out: NDArray[np.uint8],
) -> int:
    """Writes each part's term; pairs reach the bounds of a text."""
    at = 0
    for row in range(len(rows) - 1):
        for part in range(rows[row], rows[row + 1]):
            first, last = firsts[part], lasts[part]
            if sources[part] == RULE_PART:
                at = _copy(names, name_ends[first - 1] if first else 0, name_ends[first], out, at)
            elif sources[part] == WORD_PART:
                at = _copy(data, starts[first], ends[first], out, at)
            elif sources[part] == PAIR_PART:
                if first >= token_rows[row]:
                    at = _copy(data, starts[first], ends[first], out, at)
                else:
                    at = _copy(bounds, 0, len(_START), out, at)
                for _ in range(last - first - 1):
                    out[at], out[at + 1] = 32, 42
                    at += 2
                out[at] = 32
                at += 1
                if last < token_rows[row + 1]:
                    at = _copy(data, starts[last], ends[last], out, at)
                else:
                    at = _copy(bounds, len(_START), len(bounds), out, at)
            offsets[part + 1] = at
    return at


def spell(tokens: Tokens, parts: Parts, *, with_base: bool = False) -> pa.ListArray:
    """The parts of n texts in words: n rows of `EVIDENCE_TYPE`.

    With the base, each score's intercept comes last, as a part of source `base`.
    """
    kept = np.ones(len(parts.values), bool) if with_base else parts.sources != BASE_PART
    rows = np.concatenate([[0], np.cumsum(kept)])[parts.rows]
    scores, sources, firsts, lasts, values = (column[kept] for column in parts[1:])
    names = "".join(rules.FEATURES).encode()
    name_ends = np.cumsum([len(name) for name in rules.FEATURES])
    room = len(names) * int((sources == RULE_PART).sum()) + 20 * len(sources)
    is_text = sources < RULE_PART
    if is_text.any():
        widths = (tokens.ends - tokens.starts).astype(np.int64)
        room += int(widths[np.clip(np.stack([firsts[is_text], lasts[is_text]]), 0, len(widths) - 1)].sum())
    offsets, out = np.zeros(len(sources) + 1, np.int32), np.empty(room, np.uint8)
    used = _spell(
        tokens.data, tokens.rows, tokens.starts, tokens.ends, np.frombuffer(_START + _END, np.uint8),
        np.frombuffer(names, np.uint8), name_ends, rows, sources, firsts, lasts, offsets, out,
    )  # fmt: skip
    fields = [
        pa.array(EXPLAINED).take(pa.array(scores)),
        pa.array(SOURCES).take(pa.array(sources)),
        pa.StringArray.from_buffers(len(sources), pa.py_buffer(offsets), pa.py_buffer(out[:used])),
        pa.array(values.astype(np.float32)),
    ]
    spelled = pa.StructArray.from_arrays(fields, fields=list(EVIDENCE_TYPE.value_type))
    return pa.ListArray.from_arrays(pa.array(rows, pa.int32()), spelled)
