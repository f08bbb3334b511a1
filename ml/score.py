"""All text columns of a batch of posts at once."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import pyarrow as pa

from ml import sentiment, topics
from ml.text import scan

# Raised by hand when the code (not the lexicon or a rule table) comes to score some text differently.
_CODE = 1

SCORE_TYPE = pa.struct(
    [
        pa.field("sentiment", pa.float64()),
        pa.field("sentiment_label", pa.int8()),
        pa.field("p_view", pa.float64()),
        pa.field("p_promo", pa.float64()),
        pa.field("content_class", pa.string()),
        pa.field("components", pa.list_(pa.float32())),
        pa.field("terms", pa.list_(pa.string())),
        pa.field("term_weights", pa.list_(pa.float32())),
    ]
)


@cache
def rules_version() -> str:
    """Hash of the lexicon, the rule tables and the code's number."""
    tables = repr((_CODE, sentiment.FEATURES, sentiment.WEIGHTS, sentiment.RULES, sentiment.CLASSES))
    lexicon = sentiment.LEXICON.read_text(encoding="utf-8")
    return hashlib.sha256(f"{tables}\n{lexicon}".encode()).hexdigest()[:16]


def score_array(texts: pa.Array | pa.ChunkedArray, model: topics.TopicModel) -> pa.StructArray:
    """Scores of normalised texts (string, null read as ''): n rows of `SCORE_TYPE`, none null.

    A row depends on its own text alone, bit by bit. Safe to call from several threads.
    """
    posts = [scan(text or "") for text in texts.to_pylist()]
    judged = sentiment.judge(posts)
    weighted = topics.weigh(model, posts)
    components = topics.project(model, weighted)
    offsets = pa.array(np.arange(len(posts) + 1) * components.shape[1], pa.int32())
    names, weights = topics.name_terms(model, weighted)
    columns = [
        pa.array(judged.sentiment),
        pa.array(judged.label),
        pa.array(judged.p_view),
        pa.array(judged.p_promo),
        pa.array(judged.content_class, pa.string()),
        pa.ListArray.from_arrays(offsets, pa.array(components.ravel())),
        names,
        weights,
    ]
    return pa.StructArray.from_arrays(columns, fields=list(SCORE_TYPE))
