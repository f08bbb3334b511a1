"""All text columns of a batch of texts at once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ml import model, topics
from ml.evidence import EVIDENCE_TYPE, spell
from ml.model import CLASSES
from ml.tokens import tokenise

# Parts of each score that are kept as evidence.
_EVIDENCE = 3

SCORE_TYPE = pa.struct(
    [
        pa.field("sentiment", pa.float64()),
        pa.field("sentiment_label", pa.int8()),
        pa.field("p_view", pa.float64()),
        pa.field("p_up", pa.float64()),
        pa.field("p_promo", pa.float64()),
        pa.field("content_class", pa.string()),
        pa.field("components", pa.list_(pa.float32())),
        pa.field("terms", pa.list_(pa.string())),
        pa.field("term_weights", pa.list_(pa.float32())),
        pa.field("evidence", EVIDENCE_TYPE),
    ]
)


def score_array(texts: pa.Array | pa.ChunkedArray, basis: topics.TopicModel) -> pa.StructArray:
    """Scores of normalised texts (string, null read as ''): n rows of `SCORE_TYPE`, none null.

    A row depends on its own text alone, bit by bit. Safe to call from several threads.
    """
    tokens = tokenise(texts)
    judged, parts = model.load().judge(tokens, _EVIDENCE)
    weighted = topics.weigh(basis, tokens)
    components = topics.project(basis, weighted)
    offsets = pa.array(np.arange(len(components) + 1) * components.shape[1], pa.int32())
    names, weights = topics.name_terms(basis, weighted)
    columns = [
        pa.array(judged.sentiment),
        pa.array(judged.label),
        pa.array(judged.p_view),
        pa.array(judged.p_up),
        pa.array(judged.p_promo),
        pa.array(CLASSES).take(pa.array(judged.content_class)),
        pa.ListArray.from_arrays(offsets, pa.array(components.ravel())),
        names,
        weights,
        spell(tokens, parts),
    ]
    return pa.StructArray.from_arrays(columns, fields=list(SCORE_TYPE))
