"""Which of `ml`'s pure functions SQL can call, with their SQL names and types.

| name | row in | row out |
|---|---|---|
| mi_normalise_text | text | normalised text |
| mi_match_instruments | normalised text | instruments it names |
| mi_read_instruments | normalised text | instruments, strikes and legs it names |
| mi_parse_trade_calls | normalised text | trade calls in it |
| mi_fit_topics | list of texts | version of the topic basis in force; fitted first where there is none |
| mi_model_version | topic version | version of everything that scores a text |
| mi_score_text | normalised text, topic version | scores, topic components and terms |
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from config import Settings
from ml import model
from ml.instruments import match_array, read_array
from ml.score import score_array
from ml.text import normalise_array
from ml.topics import TopicModel, fit, load, save
from ml.trade_calls import parse_array

SCORE_SQL_TYPE = (
    "STRUCT(sentiment DOUBLE, sentiment_label TINYINT, p_view DOUBLE, p_up DOUBLE, p_promo DOUBLE, "
    "content_class VARCHAR, components FLOAT[], terms VARCHAR[], term_weights FLOAT[], "
    "evidence STRUCT(score VARCHAR, source VARCHAR, term VARCHAR, log_odds FLOAT)[])"
)

INSTRUMENTS_SQL_TYPE = "STRUCT(instrument VARCHAR, strike DOUBLE, leg VARCHAR)[]"
TRADE_CALLS_SQL_TYPE = (
    "STRUCT(instrument VARCHAR, side VARCHAR, leg VARCHAR, strike DOUBLE, entry_low DOUBLE, "
    "entry_high DOUBLE, stop DOUBLE, targets DOUBLE[])[]"
)

# A topic basis that was fitted on fewer texts is provisional.
FIRM_FROM_TEXTS = 2000


class Registered(NamedTuple):
    """A function as the engine sees it. ``is_pure``: same input, same output, no effect."""

    name: str
    function: Callable[..., pa.Array]
    parameters: list[str]
    returns: str
    is_pure: bool


def registered(settings: Settings) -> list[Registered]:
    """The functions, bound to the data root's fitted models."""
    topics = settings.models / "topics"

    def fit_topics(samples: pa.Array) -> pa.Array:
        return pa.array([_topics_in_force(topics, texts or []) for texts in samples.to_pylist()], pa.string())

    def model_version(versions: pa.Array) -> pa.Array:
        shipped = model.load().version
        return pa.array([f"{shipped}-{version}" for version in versions.to_pylist()], pa.string())

    def score(texts: pa.Array, versions: pa.Array) -> pa.Array:
        version = versions[0].as_py()  # one version per build
        return score_array(texts, _load_topics(topics / version))

    return [
        Registered("mi_normalise_text", normalise_array, ["VARCHAR"], "VARCHAR", True),
        Registered("mi_match_instruments", match_array, ["VARCHAR"], "VARCHAR[]", True),
        Registered("mi_read_instruments", read_array, ["VARCHAR"], INSTRUMENTS_SQL_TYPE, True),
        Registered("mi_parse_trade_calls", parse_array, ["VARCHAR"], TRADE_CALLS_SQL_TYPE, True),
        Registered("mi_fit_topics", fit_topics, ["VARCHAR[]"], "VARCHAR", False),
        Registered("mi_model_version", model_version, ["VARCHAR"], "VARCHAR", True),
        Registered("mi_score_text", score, ["VARCHAR", "VARCHAR"], SCORE_SQL_TYPE, True),
    ]


def _topics_in_force(folder: Path, texts: Sequence[str]) -> str:
    """Version of the root's topic basis; fitted on ``texts`` where the root has none.

    ``folder/current`` names the version. It stays in force from build to build, so that components
    keep their meaning; only a basis of fewer than ``FIRM_FROM_TEXTS`` texts is fitted again when
    there are twice as many to learn from.
    """
    current = folder / "current"
    if current.exists() and (held := folder / current.read_text().strip()).is_dir():
        n_texts = _load_topics(held).n_texts
        if n_texts >= FIRM_FROM_TEXTS or len(texts) < 2 * n_texts:
            return held.name
    model = fit(texts)
    save(model, folder / model.version)
    draft = folder / f".current.{os.getpid()}"
    draft.write_text(model.version + "\n")
    os.replace(draft, current)
    return model.version


@cache
def _load_topics(folder: Path) -> TopicModel:
    return load(folder)
