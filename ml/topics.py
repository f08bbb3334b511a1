"""Topics: TF-IDF of words and word pairs, reduced by a truncated SVD.

`fit` learns a vocabulary and a basis from a sample of texts; `transform` and `terms` apply them. A row of
TF-IDF is (1 + ln count) * idf, scaled to length 1, with idf = ln((1 + n) / (1 + texts with it)) + 1. Only
`fit` needs scikit-learn. Numbers, @handles, e-mail addresses, function words and single letters are no
terms, and in a sample of 1,000 distinct texts or more a term stands in at least five of them.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ml.text import CLAUSE_END, STOP_WORDS, normalise
from ml.tokens import PUNCT, HashIndex, Tokens, find, index, mix, strings, tokenise

_ALONE = np.uint64(0)
_BASIS = "basis.parquet"
_MODEL = "model.json"
_BASIS_SCHEMA = pa.schema(
    [("term", pa.string()), ("idf", pa.float64()), ("loadings", pa.list_(pa.float32()))]
)


@dataclass(frozen=True, eq=False)
class TopicModel:
    """A fitted vocabulary of f terms and their loadings on k components.

    A component whose loadings are all zero is padding: the sample had fewer dimensions than asked for.
    """

    vocabulary: tuple[str, ...]
    """The f terms in sorted order; a word pair is joined by a space."""
    idf: NDArray[np.float64]
    """[f]"""
    components: NDArray[np.float32]
    """[f, k], columns by falling singular value; each one's largest loading is positive."""
    seed: int
    n_texts: int
    """Distinct texts of the sample."""

    @cached_property
    def version(self) -> str:
        """Hash of the vocabulary, the weights and the loadings: models that apply alike share it."""
        digest = hashlib.sha256(json.dumps(self.vocabulary).encode())
        for array in (self.idf.astype("<f8"), self.components.astype("<f4")):
            digest.update(repr(array.shape).encode() + array.tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def _index(self) -> HashIndex:
        """Hash of a word, or of two mixed -> column."""
        found = tokenise(pa.array(self.vocabulary, pa.string()))
        chains = [found.hashes[first] for first in found.rows[:-1]]
        return index(
            np.array(
                [
                    mix(chain, found.hashes[first + 1]) if " " in term else mix(chain, _ALONE)
                    for term, chain, first in zip(self.vocabulary, chains, found.rows, strict=False)
                ],
                np.uint64,
            )
        )


def _is_word(token: str) -> bool:
    initial = token[0]
    return not (
        initial.isdigit()
        or initial in CLAUSE_END
        or "@" in token
        or token in STOP_WORDS
        or (len(token) == 1 and token.isalnum())
    )


def _grams(tokens: Sequence[str]) -> list[str]:
    """The candidate terms of a post: its words, and pairs of words that stand side by side."""
    keep = [_is_word(token) for token in tokens]
    words = [token for token, kept in zip(tokens, keep, strict=True) if kept]
    neighbours = zip(tokens, tokens[1:], keep, keep[1:], strict=False)
    return words + [f"{first} {second}" for first, second, left, right in neighbours if left and right]


def fit(texts: Iterable[str], *, features: int = 1000, components: int = 50, seed: int = 0) -> TopicModel:
    """Learns at most `features` terms (those in most texts) and always `components` components.

    Each distinct normalised text counts once, and order does not matter. Any number of texts will do, none
    included.
    """
    from sklearn.utils.extmath import randomized_svd
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    distinct = tokenise(pa.array(sorted({normalise(text) for text in texts} - {""}), pa.string()))
    posts = strings(distinct)
    n = len(posts)
    frequency = Counter(gram for tokens in posts for gram in set(_grams(tokens)))
    enough = min(5, 1 + n // 250)
    ranked = sorted((-count, gram) for gram, count in frequency.items() if count >= enough)
    vocabulary = tuple(sorted(gram for _, gram in ranked[:features]))
    idf = np.array([math.log((1 + n) / (1 + frequency[term])) + 1 for term in vocabulary], np.float64)
    loadings = np.zeros((len(vocabulary), components), np.float32)
    if vocabulary:
        unfitted = TopicModel(vocabulary, idf, loadings, seed, n)
        rank = min(components, n, len(vocabulary))
        with threadpool_limits(limits=1):  # sums in threads round by their number
            _, strength, basis = randomized_svd(weigh(unfitted, distinct), rank, n_iter=7, random_state=seed)
        basis = basis[strength > 1e-9 * strength[0]]
        peaks = basis[np.arange(len(basis)), np.abs(basis).argmax(axis=1)]
        loadings[:, : len(basis)] = (basis * np.sign(peaks)[:, None]).T
    return TopicModel(vocabulary, idf, loadings, seed, n)


@njit(cache=True, nogil=True)
def _weigh(
    rows: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    hashes: NDArray[np.uint64],
    slots: NDArray[np.uint64],
    idf: NDArray[np.float64],
    out_rows: NDArray[np.int64],
    columns: NDArray[np.int32],
    weights: NDArray[np.float64],
) -> None:
    at = 0
    for row in range(len(rows) - 1):
        begin = at
        is_first, previous = True, np.uint64(0)
        for token in range(rows[row], rows[row + 1]):
            if kinds[token] == PUNCT:
                continue
            for candidate in range(2):
                if candidate == 0:
                    column = find(slots, mix(hashes[token], _ALONE))
                elif is_first:
                    column = -1
                else:
                    column = find(slots, mix(previous, hashes[token]))
                if column < 0:
                    continue
                place = at  # columns stay in order; a text has few
                while place > begin and columns[place - 1] > column:
                    place -= 1
                if place > begin and columns[place - 1] == column:
                    weights[place - 1] += 1
                    continue
                for later in range(at, place, -1):
                    columns[later], weights[later] = columns[later - 1], weights[later - 1]
                columns[place], weights[place] = column, 1
                at += 1
            is_first, previous = False, hashes[token]
        square = 0.0
        for entry in range(begin, at):
            weights[entry] = (1 + math.log(weights[entry])) * idf[columns[entry]]
            square += weights[entry] * weights[entry]
        for entry in range(begin, at):
            weights[entry] /= math.sqrt(square)
        out_rows[row + 1] = at


@njit(cache=True, nogil=True)
def _project(
    rows: NDArray[np.int64],
    columns: NDArray[np.int32],
    weights: NDArray[np.float64],
    loadings: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    total = np.empty(out.shape[1])
    for row in range(len(rows) - 1):
        total[:] = 0
        for entry in range(rows[row], rows[row + 1]):
            for component in range(len(total)):
                total[component] += weights[entry] * loadings[columns[entry], component]
        for component in range(len(total)):
            out[row, component] = total[component]


def weigh(model: TopicModel, tokens: Tokens) -> csr_matrix:
    """TF-IDF rows [n, f] of n texts; each row has length 1, or no terms."""
    rows = np.zeros(len(tokens.rows), np.int64)
    columns, weights = np.empty(2 * len(tokens.kinds), np.int32), np.empty(2 * len(tokens.kinds))
    _weigh(tokens.rows, tokens.kinds, tokens.hashes, *model._index, model.idf, rows, columns, weights)
    shape = (len(rows) - 1, len(model.vocabulary))
    return csr_matrix((weights[: rows[-1]], columns[: rows[-1]], rows), shape)


def project(model: TopicModel, weighted: csr_matrix) -> NDArray[np.float32]:
    """Components [n, k] of TF-IDF rows."""
    out = np.empty((weighted.shape[0], model.components.shape[1]), np.float32)
    _project(
        weighted.indptr.astype(np.int64),
        weighted.indices.astype(np.int32),
        weighted.data,
        model.components,
        out,
    )
    return out


def name_terms(model: TopicModel, weighted: csr_matrix) -> tuple[pa.ListArray, pa.ListArray]:
    """The terms of TF-IDF rows (list<string>) and their weights (list<float>), n each, terms sorted."""
    offsets = pa.array(weighted.indptr, pa.int32())
    names = pa.array(model.vocabulary, pa.string()).take(pa.array(weighted.indices))
    weights = pa.array(weighted.data.astype(np.float32))
    return pa.ListArray.from_arrays(offsets, names), pa.ListArray.from_arrays(offsets, weights)


def transform(model: TopicModel, texts: Iterable[str]) -> NDArray[np.float32]:
    """Components [n, k] of normalised texts; a row depends on its own text alone, bit by bit."""
    return project(model, weigh(model, tokenise(pa.array(texts, pa.string()))))


def terms(model: TopicModel, texts: Iterable[str]) -> tuple[pa.ListArray, pa.ListArray]:
    """The TF-IDF terms and weights of normalised texts, as `name_terms` gives them."""
    return name_terms(model, weigh(model, tokenise(pa.array(texts, pa.string()))))


def save(model: TopicModel, directory: str | os.PathLike[str]) -> None:
    """Writes `basis.parquet` and `model.json`; the directory appears whole or not at all.

    Raises:
        FileExistsError: the directory holds something other than this model.
    """
    directory = Path(directory)
    if (directory / _MODEL).exists() and load(directory).version == model.version:
        return
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        rows = [model.vocabulary, model.idf, list(model.components)]
        pq.write_table(pa.table(rows, schema=_BASIS_SCHEMA), draft / _BASIS)
        about = {
            "version": model.version,
            "seed": model.seed,
            "n_texts": model.n_texts,
            "components": model.components.shape[1],
            "libraries": {name: version(name) for name in ("numpy", "scikit-learn", "scipy")},
        }
        (draft / _MODEL).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        draft.chmod(0o755)
        try:
            draft.rename(directory)
        except OSError as error:
            raise FileExistsError(f"{directory} exists and is not model {model.version}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def load(directory: str | os.PathLike[str]) -> TopicModel:
    """Reads what `save` wrote.

    Raises:
        FileNotFoundError: no model there.
        ValueError: the files do not belong together.
    """
    about = json.loads((Path(directory) / _MODEL).read_text(encoding="utf-8"))
    basis = pq.read_table(Path(directory) / _BASIS, schema=_BASIS_SCHEMA)
    loadings = basis["loadings"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    model = TopicModel(
        tuple(basis["term"].to_pylist()),
        basis["idf"].to_numpy(),
        loadings.reshape(-1, about["components"]),
        about["seed"],
        about["n_texts"],
    )
    if model.version != about["version"]:
        raise ValueError(f"{directory}: {_BASIS} is not the basis that {_MODEL} describes")
    return model
