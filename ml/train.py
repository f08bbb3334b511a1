"""Fits the shipped model from labelled sets: `make train`.

examples -> tokens -> grams seen in at least five groups (authors, where known) + rule features
         -> registers -> view, direction, promotion and classes by linear SVMs
         -> slopes and intercepts on out-of-fold scores -> `ml/shipped/`

View is learned from sets with a no-view label, direction from whatever has a side; hashtags are reach and
tell neither. Promotion and class are learned on the Indian posts alone, promotion also on scrambled copies
of them, as advertisers scramble theirs. Everything is seeded: the same sets give the same bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, hstack
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from ml import grams, rules
from ml.labelled import NO_LABEL, OWN, SETS, Examples, folds, stack, take
from ml.model import CLASSES, REGISTERS, SCORES, UNIT, Model
from ml.text import normalise
from ml.tokens import index, tokenise

REGISTER_OF = {
    "stocktweets_yash612": "trader",
    "fiqa_posts": "trader",
    "stocktwits_manual_3c": "trader",
    "zeroshot_twitter_fin": "news",
    "sentfin_india_headlines": "headline",
    "india_stance": "india",
    OWN: "india",
}
"""The sets that train, and the register each is an example of."""
_INDIA = ("india_stance", OWN)
_NO_ZERO = ("stocktweets_yash612", "fiqa_posts")
_SMALL_TALK = "small_talk"

_MIN_GROUPS = 5
_INNER_FOLDS = 5
_REGISTER_FOLDS = 3
_STRENGTH = 0.1  # inverse regularisation of the SVMs
_RULE_SCALE = 1 / 1.5
_REGISTER_SCALE = {"view": 1.0, "direction": 0.5}  # how freely a register's weights leave the shared ones
_SCRAMBLED = 4  # scrambled copies of each Indian post
# For macro-F1, which is nearly the same from 1.3 to 2 in every register.
_LABEL_ODDS = {"trader": 1.6, "news": 1.5, "headline": 1.5, "india": 2.0}
_UNTAUGHT_ODDS = 2.5  # of a register no set of which has a label for no view: sides are called too rarely
_SMALL_TALK_WEIGHT = 1e-3  # in calibration: how common it is, nobody counted
_NEVER = -30.0  # log-odds of a register or class without examples

Scorer = Callable[[NDArray[np.bool_]], NDArray[np.float64]]
"""Scores of the rows of a mask."""


class Fitted(NamedTuple):
    """A linear score: weights [features], intercept."""

    weights: NDArray[np.float64]
    intercept: float


def _svm(features: csr_matrix, is_positive: NDArray[np.bool_], weight: NDArray[np.float64]) -> Fitted:
    machine = LinearSVC(C=_STRENGTH, tol=1e-2, random_state=0)
    machine.fit(features, is_positive, sample_weight=weight)
    return Fitted(machine.coef_[0], float(machine.intercept_[0]))


def _unseen(
    fit: Callable[[NDArray[np.bool_]], Scorer],
    fold: NDArray[np.int64],
    shape: tuple[int, ...],
) -> NDArray[np.float64]:
    """Scores of each example by a fit on the other folds."""
    scores = np.zeros(shape)
    for number in np.unique(fold):
        held = fold == number
        scores[held] = fit(~held)(held)
    return scores


def _platt(
    columns: NDArray[np.float64], outcome: NDArray[np.bool_], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Coefficients of a logistic fit without an intercept of its own."""
    machine = LogisticRegression(C=1e4, fit_intercept=False, max_iter=1000)
    return np.asarray(machine.fit(columns, outcome, sample_weight=weight).coef_[0])


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


# ---- Scrambling -----------------------------------------------------------------------------------

_LOOK_ALIKES = str.maketrans("aeopcxyi", "аеорсхуі")
_LEET = str.maketrans("oiesa", "01354")
_BOLD = {ord(letter): 0x1D41A + at for at, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}


def scramble(text: str, rng: random.Random) -> str:
    """The text as an advertiser would disguise it: about half of its longer words are disturbed."""

    def swap(word: str) -> str:
        at = rng.randrange(1, len(word) - 2)
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]

    def insert(word: str) -> str:
        at = rng.randrange(1, len(word))
        return word[:at] + rng.choice([".", "-", "_", "*", "x", "\u200b", word[at]]) + word[at:]

    def drop(word: str) -> str:
        at = rng.randrange(1, len(word) - 1)
        return word[:at] + word[at + 1 :]

    ways = (
        swap, insert, drop,
        lambda word: word.translate(_LOOK_ALIKES),
        lambda word: word.translate(_LEET),
        lambda word: word.lower().translate(_BOLD),
        str.upper,
    )  # fmt: skip
    return " ".join(
        rng.choice(ways)(word) if len(word) > 3 and word.isalpha() and rng.random() < 0.5 else word
        for word in text.split(" ")
    )


# ---- Fitting --------------------------------------------------------------------------------------


def _vocabulary(
    found: grams.Grams, group: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.float32]]:
    """Hashes of the grams that at least `_MIN_GROUPS` groups hold, and their idf."""
    text = np.repeat(np.arange(len(found.rows) - 1), np.diff(found.rows))
    hashes, gram = np.unique(found.hashes, return_inverse=True)
    n_groups = int(group.max()) + 1
    pairs = np.unique(gram * n_groups + group[text])
    of_groups = np.bincount(pairs // n_groups, minlength=len(hashes))
    of_texts = np.bincount(np.unique(gram * len(group) + text) // len(group), minlength=len(hashes))
    kept = of_groups >= _MIN_GROUPS
    idf = np.log((1 + len(group)) / (1 + of_texts[kept])) + 1
    return hashes[kept], idf.astype(np.float32)


class _Design(NamedTuple):
    """Features of n training texts, followed by those of scrambled copies."""

    names: list[str]
    blocks: list[str]
    hashes: NDArray[np.uint64]
    idf: NDArray[np.float32]
    everything: csr_matrix
    """[n + scrambled, grams + rules]"""
    stance: csr_matrix
    """[n, grams + rules], hashtags left out."""
    fold: NDArray[np.int64]
    """[n]"""


class _Weights(NamedTuple):
    """What the model's raw scores are made of, filled column by column."""

    coefficients: NDArray[np.float64]
    """[grams + rules, scores]"""
    bias: NDArray[np.float64]

    def put(self, score: str, weights: NDArray[np.float64], intercept: float) -> None:
        column = SCORES.index(score)
        self.coefficients[:, column], self.bias[column] = weights, intercept


def _design(texts: list[str], group: NDArray[np.int64], seed: int) -> _Design:
    """Features of texts, of which the first len(group) are examples and the others scrambled."""
    n = len(group)
    examples = tokenise(pa.array(texts[:n], pa.string()))
    found = grams.extract(examples)
    hashes, idf = _vocabulary(found, group)
    tokens = tokenise(pa.array(texts, pa.string()))
    weighted = grams.weigh(tokens, index(hashes), idf)
    features, _ = rules.read(tokens)
    matrix = csr_matrix((weighted.values, weighted.columns, weighted.rows), (len(texts), len(hashes)))
    everything = hstack([matrix, csr_matrix(features * _RULE_SCALE)]).tocsr()
    order = np.argsort(found.hashes, kind="stable")
    first = order[np.searchsorted(found.hashes, hashes, sorter=order)]
    is_reach = found.blocks[first] == grams.BLOCKS.index("hashtag")
    tells = diags(np.r_[~is_reach, np.ones(features.shape[1], bool)].astype(float))
    return _Design(
        [grams.name(examples, found, at) for at in first],
        [grams.BLOCKS[block] for block in found.blocks[first]],
        hashes,
        idf,
        everything,
        (everything @ tells).tocsr()[:n],
        folds(group, _INNER_FOLDS, seed),
    )


def _fit_registers(
    design: _Design, register: NDArray[np.int64], weights: _Weights
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`Model.register_mix`, and each text's shares of the registers [n, r] by a fit that has not seen it."""
    n = len(register)
    one, features, present = np.ones(n), design.everything[:n], np.unique(register)
    mix = np.zeros((len(REGISTERS) + 1, len(REGISTERS)))
    mix[-1] = _NEVER
    mix[-1, present] = 0.0
    if len(present) == 1:
        return mix, _softmax(np.tile(mix[-1], (n, 1)))

    def fit_all(rows: NDArray[np.bool_]) -> Scorer:
        fitted = [_svm(features[rows], register[rows] == each, one[rows]) for each in present]
        return lambda held: np.stack([features[held] @ f.weights + f.intercept for f in fitted], axis=1)

    unseen = _unseen(fit_all, design.fold % _REGISTER_FOLDS, (n, len(present)))
    chooser = LogisticRegression(C=10.0, max_iter=1000).fit(unseen, register)
    # Of two registers, scikit-learn fits the odds of the second alone.
    chosen = present if len(present) > 2 else present[1:]
    mix[np.ix_(present, chosen)], mix[-1, chosen] = chooser.coef_.T, chooser.intercept_
    raw = np.zeros((n, len(REGISTERS)))
    raw[:, present] = unseen
    for each in present:
        weights.put(f"register_{REGISTERS[each]}", *_svm(features, register == each, one))
    return mix, _softmax(np.c_[raw, one] @ mix)


def _fit_stance(
    score: str,
    design: _Design,
    gates: NDArray[np.float64],
    taught: NDArray[np.bool_],
    outcome: NDArray[np.bool_],
    weight: NDArray[np.float64],
    weights: _Weights,
) -> NDArray[np.float64]:
    """Calibration [2, r] of view or direction."""
    n, width = design.stance.shape
    one, scale = np.ones(n), _REGISTER_SCALE[score]
    by_register = [diags(gates[:, each] * scale) @ design.stance for each in range(len(REGISTERS))]
    features = hstack([design.stance, *by_register, csr_matrix(gates)]).tocsr()

    def fit_one(rows: NDArray[np.bool_]) -> Scorer:
        chosen = rows & taught
        fitted = _svm(features[chosen], outcome[chosen], one[chosen])
        return lambda held: np.asarray(features[held] @ fitted.weights + fitted.intercept)

    unseen = _unseen(fit_one, design.fold, (n,))
    columns = np.c_[unseen[:, None] * gates, gates]
    calibration = _platt(columns[taught], outcome[taught], weight[taught])
    fitted = _svm(features[taught], outcome[taught], one[taught])
    parts = fitted.weights[: -len(REGISTERS)].reshape(-1, width)
    weights.put(score, parts[0], fitted.intercept)
    for each, register in enumerate(REGISTERS):
        weights.put(f"{score}_{register}", parts[1 + each] * scale, fitted.weights[each - len(REGISTERS)])
    return calibration.reshape(2, -1)


def _fit_promo(
    design: _Design,
    source: NDArray[np.int64],
    promo: NDArray[np.int8],
    weight: NDArray[np.float64],
    weights: _Weights,
) -> NDArray[np.float64]:
    """Calibration [2] of promotion; `source` says which example each text is, or is a scrambled copy of."""
    n = len(promo)
    taught, is_promo = promo[source] != NO_LABEL, promo[source] == 1
    if not taught.any():
        weights.bias[SCORES.index("promo")] = _NEVER
        return np.array([1.0, 0.0])
    times = np.where(np.arange(len(source)) < n, 1.0, 1 / _SCRAMBLED)

    def fit_one(rows: NDArray[np.bool_]) -> Scorer:
        chosen = rows & taught
        fitted = _svm(design.everything[chosen], is_promo[chosen], times[chosen])
        return lambda held: np.asarray(design.everything[held] @ fitted.weights + fitted.intercept)

    unseen = _unseen(fit_one, design.fold[source], (len(source),))[:n]
    weights.put("promo", *_svm(design.everything[taught], is_promo[taught], times[taught]))
    known = promo != NO_LABEL
    return _platt(np.c_[unseen, np.ones(n)][known], is_promo[:n][known], weight[known])


def _fit_classes(design: _Design, kinds: NDArray[np.object_], weights: _Weights) -> None:
    known = np.array([bool(kind) for kind in kinds])
    features, one = design.everything[: len(kinds)][known], np.ones(known.sum())
    for name in CLASSES:
        is_class = kinds[known] == name
        if is_class.any() and not is_class.all():
            weights.put(f"class_{name}", *_svm(features, is_class, one))
        elif not is_class.any():
            weights.bias[SCORES.index(f"class_{name}")] = _NEVER


def _with_small_talk(data: Examples, small_talk: Sequence[str]) -> Examples:
    """The examples, then texts without a view, each on its own."""
    n = len(small_talk)
    group = np.arange(n) + data.group.max(initial=-1) + 1
    added = Examples(
        dataset=np.full(n, _SMALL_TALK, object),
        text=np.fromiter(small_talk, object, n),
        label=np.zeros(n, np.int8),
        promo=np.full(n, NO_LABEL, np.int8),
        kind=np.full(n, "other", object),
        instruments=np.full(n, None, object),
        weight=np.full(n, _SMALL_TALK_WEIGHT),
        author=np.full(n, None, object),
        group=group,
    )
    return stack(data, added)


def fit(
    examples: Examples,
    small_talk: Sequence[str] = (),
    report: Callable[[str], None] = lambda step: None,
    seed: int = 0,
) -> Model:
    """The model that the examples of the training sets make.

    Args:
        examples: rows of other sets than those of `REGISTER_OF` are left out.
        small_talk: texts without a view.
        report: is told each step.
        seed: of the inner folds and of the scrambling.

    Raises:
        ValueError: there is too little to learn from: no examples, or none of an outcome.
    """
    kept = np.isin(examples.dataset.astype(str), list(REGISTER_OF)) & (
        (examples.label != NO_LABEL) | (examples.promo != NO_LABEL)
    )
    data = _with_small_talk(take(examples, kept), small_talk)
    dataset, n = data.dataset.astype(str), len(data.text)
    rng = random.Random(seed)
    source = np.r_[np.arange(n), np.repeat(np.flatnonzero(data.promo != NO_LABEL), _SCRAMBLED)]
    texts = [normalise(text) for text in data.text]
    texts += [normalise(scramble(data.text[row], rng)) for row in source[n:]]

    report("grams")
    design = _design(texts, np.unique(data.group, return_inverse=True)[1], seed)
    weights = _Weights(np.zeros((design.everything.shape[1], len(SCORES))), np.zeros(len(SCORES)))
    report("registers")
    register = np.array([REGISTERS.index(REGISTER_OF.get(name, "india")) for name in dataset])
    mix, gates = _fit_registers(design, register, weights)
    labelled = data.label != NO_LABEL
    report("view")
    has_zero = labelled & ~np.isin(dataset, _NO_ZERO)
    view = _fit_stance("view", design, gates, has_zero, data.label != 0, data.weight, weights)
    report("direction")
    has_side = labelled & (data.label != 0)
    direction = _fit_stance("direction", design, gates, has_side, data.label == 1, data.weight, weights)
    report("promotion")
    promo = _fit_promo(design, source, data.promo, data.weight, weights)
    report("classes")
    _fit_classes(design, data.kind, weights)
    n_grams, taught = len(design.hashes), {REGISTERS[each] for each in np.unique(register[has_zero])}
    return Model(
        tuple(design.names),
        tuple(design.blocks),
        design.hashes,
        design.idf,
        np.clip(np.round(weights.coefficients[:n_grams] / UNIT), -32767, 32767).astype(np.int16),
        weights.coefficients[n_grams:] * _RULE_SCALE,
        weights.bias,
        mix,
        view,
        direction,
        promo,
        np.array([odds if name in taught else _UNTAUGHT_ODDS for name, odds in _LABEL_ODDS.items()]),
    )


def provenance(examples: Examples) -> dict[str, Any]:
    """What the model was made from: sets with their size and licence, and the libraries."""
    names, counts = np.unique(examples.dataset.astype(str), return_counts=True)
    return {
        "sets": {
            name: {"texts": int(count), "register": REGISTER_OF[name], "licence": SETS[name].licence}
            for name, count in zip(names.tolist(), counts, strict=True)
            if name in REGISTER_OF
        },
        "seen_from_at_least": _MIN_GROUPS,
        "libraries": {name: version(name) for name in ("numpy", "scikit-learn", "scipy")},
    }
