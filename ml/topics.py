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
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ml.text import CLAUSE_END, STOP_WORDS, normalise, scan

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
    def _columns(self) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
        """Word -> column, and first word -> second word -> column."""
        words: dict[str, int] = {}
        pairs: dict[str, dict[str, int]] = {}
        for column, term in enumerate(self.vocabulary):
            first, _, second = term.partition(" ")
            if second:
                pairs.setdefault(first, {})[second] = column
            else:
                words[first] = column
        return words, pairs


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

    posts = [scan(text) for text in sorted({normalise(text) for text in texts} - {""})]
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
            _, strength, basis = randomized_svd(weigh(unfitted, posts), rank, n_iter=7, random_state=seed)
        basis = basis[strength > 1e-9 * strength[0]]
        peaks = basis[np.arange(len(basis)), np.abs(basis).argmax(axis=1)]
        loadings[:, : len(basis)] = (basis * np.sign(peaks)[:, None]).T
    return TopicModel(vocabulary, idf, loadings, seed, n)


def weigh(model: TopicModel, posts: Iterable[Sequence[str]]) -> csr_matrix:
    """TF-IDF rows [n, f] of posts given as tokens from `text.scan`; each row has length 1, or no terms."""
    words, pairs = model._columns
    columns: list[int] = []
    starts = [0]
    for tokens in posts:
        columns += [words[token] for token in tokens if token in words]
        for position, token in enumerate(tokens[:-1]):
            if token in pairs and (column := pairs[token].get(tokens[position + 1])) is not None:
                columns.append(column)
        starts.append(len(columns))
    shape = (len(starts) - 1, len(model.vocabulary))
    entries = np.ones(len(columns)), np.array(columns, np.int64), np.array(starts, np.int64)
    matrix = csr_matrix(entries, shape)
    matrix.sum_duplicates()
    # Scalar logarithms and row-by-row sparse sums, since vector kernels may round by the batch's shape.
    damped = np.array([1 + math.log(count) for count in matrix.data.tolist()])
    matrix.data = damped * model.idf[matrix.indices]
    length = np.sqrt(matrix.power(2) @ np.ones(shape[1]))
    matrix.data /= np.repeat(length, np.diff(matrix.indptr))
    return matrix


def project(model: TopicModel, weighted: csr_matrix) -> NDArray[np.float32]:
    """Components [n, k] of TF-IDF rows."""
    return np.asarray(weighted @ model.components.astype(np.float64)).astype(np.float32)


def name_terms(model: TopicModel, weighted: csr_matrix) -> tuple[pa.ListArray, pa.ListArray]:
    """The terms of TF-IDF rows (list<string>) and their weights (list<float>), n each, terms sorted."""
    offsets = pa.array(weighted.indptr, pa.int32())
    names = pa.array(model.vocabulary, pa.string()).take(pa.array(weighted.indices))
    weights = pa.array(weighted.data.astype(np.float32))
    return pa.ListArray.from_arrays(offsets, names), pa.ListArray.from_arrays(offsets, weights)


def transform(model: TopicModel, texts: Iterable[str]) -> NDArray[np.float32]:
    """Components [n, k] of normalised texts; a row depends on its own text alone, bit by bit."""
    return project(model, weigh(model, map(scan, texts)))


def terms(model: TopicModel, texts: Iterable[str]) -> tuple[pa.ListArray, pa.ListArray]:
    """The TF-IDF terms and weights of normalised texts, as `name_terms` gives them."""
    return name_terms(model, weigh(model, map(scan, texts)))


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
