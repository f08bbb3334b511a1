"""Labelled sets, for training and evaluation: one table of what they are, one shape to have them in.

`read` takes the public sets, `read_own` the labels in this repository, whose texts are not in it and are
found among captures. `SETS` says what each set is. Examples that are near copies, or by one author, share
a group; `folds` never parts a group.

A near copy has Jaccard similarity >= 0.85 on the sets of word 3-grams (a text of fewer than three words is
one element), found exactly: with the elements ordered from rare to common, two sets that similar share one
among the first n - ceil(0.85 n) + 1 of each, so only these are indexed.
"""

from __future__ import annotations

import csv
import hashlib
import heapq
import json
import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.model import CLASSES
from ml.text import normalise
from ml.tokens import scan

NO_LABEL = 9
"""Stands in `label` and `promo` where an example has none."""

OWN = "india_own"
OWN_FILE = "india_stance.csv"
OWN_FOLDER = Path(__file__).with_name("labels")
SMALL_TALK = OWN_FOLDER / "small_talk.txt"
"""Greetings, wishes and thanks, written for this project, a line each: they take no side, and no set has
enough of them to tell a good morning from a good stock."""

_NONE_STATED = "none stated"
_UP_DOWN = (-1, 1)
_THREE = (-1, 0, 1)


class LabelledSet(NamedTuple):
    """What a set is."""

    file: str
    fields: tuple[str, ...]
    """The columns of `Examples` that it has labels for."""
    labels: tuple[int, ...]
    """Values of `label`."""
    trains: bool
    """False: for evaluation only."""
    licence: str
    what: str


_INDIA = ("label", "promo", "kind", "instruments")
SETS = {
    "stocktweets_yash612": LabelledSet(
        "stocktweets_yash612.csv", ("label",), _UP_DOWN, True, _NONE_STATED,
        "tweets about US stocks; bearish, bullish",
    ),
    "zeroshot_twitter_fin": LabelledSet(
        "zeroshot_twitter_fin.csv", ("label",), _THREE, True, "MIT",
        "tweeted US financial news; bearish, neutral, bullish",
    ),
    "sentfin_india_headlines": LabelledSet(
        "sentfin_india_headlines.csv", ("label",), _THREE, True, _NONE_STATED,
        "Indian financial headlines (SEntFiN 1.0); sentiment towards the entity",
    ),
    "stocktwits_manual_3c": LabelledSet(
        "stocktwits_manual_3c.csv", ("label",), _THREE, True, _NONE_STATED,
        "StockTwits messages, labelled by hand; bearish, neutral, bullish",
    ),
    "fiqa_posts": LabelledSet(
        "fiqa_posts.csv", ("label",), _UP_DOWN, True, _NONE_STATED,
        "StockTwits messages and tweets of FiQA 2018, task 1; sign of the sentiment score",
    ),
    "sentimix_hinglish": LabelledSet(
        "sentimix_hinglish.csv", ("label",), _THREE, True, _NONE_STATED,
        "general Hinglish tweets (SemEval-2020, task 9), not finance; sentiment",
    ),
    "phrasebank_50agree": LabelledSet(
        "phrasebank_50agree.csv", ("label",), _THREE, False, "CC BY-NC-SA",
        "sentences of company news (Financial PhraseBank), at least half of the annotators agreeing",
    ),
    "phrasebank_allagree": LabelledSet(
        "phrasebank_allagree.csv", ("label",), _THREE, False, "CC BY-NC-SA",
        "the sentences of Financial PhraseBank that all annotators agree on",
    ),
    "stocktwits_spam": LabelledSet(
        "stocktwits_spam.csv", ("promo",), (), True, _NONE_STATED,
        "StockTwits messages, those of stocktwits_manual_3c among them; spam or not",
    ),
    "india_stance": LabelledSet(
        "india_stance_posts.csv", _INDIA, _THREE, True, "labels: this project's; texts: not cleared",
        "posts on X about Indian markets; two readings by a language model, each label where both agree",
    ),
    OWN: LabelledSet(
        OWN_FILE, _INDIA, _THREE, True, "labels: this project's; texts: not distributed",
        "posts on X about Indian markets; one reading by a language model, by the same guide",
    ),
}  # fmt: skip
_PUBLIC = tuple(name for name in SETS if name != OWN)


class Examples(NamedTuple):
    """Columns of n examples."""

    dataset: NDArray[np.object_]
    """Key of `SETS`."""
    text: NDArray[np.object_]
    """As captured."""
    label: NDArray[np.int8]
    """-1, 0, 1 or `NO_LABEL`."""
    promo: NDArray[np.int8]
    """0, 1 or `NO_LABEL`."""
    kind: NDArray[np.object_]
    """One of `model.CLASSES`, or None."""
    instruments: NDArray[np.object_]
    """Sorted tuple of names, empty where the text is about none; or None."""
    weight: NDArray[np.float64]
    """How many texts like it were drawn from stand behind it: 1, but for our own labels, whose sample was
    enriched in posts with a view."""
    author: NDArray[np.object_]
    """Any key, or None where not known."""
    group: NDArray[np.int64]
    """The same number for near copies and for one author's; 0, 1, ... in order of appearance."""


class _Example(NamedTuple):
    dataset: str
    text: str
    label: int = NO_LABEL
    promo: int = NO_LABEL
    kind: str | None = None
    instruments: tuple[str, ...] | None = None
    weight: float = 1.0


class _Reading(NamedTuple):
    label: int
    promo: int
    kind: str
    instruments: tuple[str, ...]


def text_key(text: str) -> str:
    """SHA-256 of the lower-cased normalised text, in hex: what names a text in our own labels."""
    return hashlib.sha256(normalise(text).lower().encode()).hexdigest()


# ---- Reading --------------------------------------------------------------------------------------


def read(
    folder: Path, names: Collection[str] = _PUBLIC, authors: Mapping[str, str] | None = None
) -> Examples:
    """The public sets of these names, in the order of `SETS`.

    Args:
        folder: holds the sets' files.
        names: keys of `SETS` but `OWN`.
        authors: author by `text_key`, as far as known.

    Raises:
        FileNotFoundError: a set's file is not there.
        ValueError: a name is unknown, a column is missing or a value is not one that the set has.
    """
    if unknown := sorted(set(names) - set(_PUBLIC)):
        raise ValueError(f"no such labelled set: {', '.join(unknown)}")
    examples: list[_Example] = []
    for name in (name for name in SETS if name in names):
        if name == "india_stance":
            examples += _read_readings(folder)
            continue
        path = folder / SETS[name].file
        for where, row in _rows(path, ("text", "label")):
            if "promo" in SETS[name].fields:
                is_promo = _whole(row["label"], _UP_DOWN, where) == 1
                examples.append(_Example(name, row["text"], promo=int(is_promo)))
            else:
                examples.append(_Example(name, row["text"], _whole(row["label"], SETS[name].labels, where)))
    return _columns(examples, authors or {})


def read_own(folder: Path, captures: Iterable[str], authors: Mapping[str, str] | None = None) -> Examples:
    """The labels of `india_stance.csv`, in its order, joined to the texts they are of.

    Columns: content_hash (a `text_key`), stance, promo, kind (each empty where there is no label) and
    instruments (names parted by spaces, empty for none, `?` where there is no label), weight. A label whose
    text is not among the captures is left out with a warning.

    Args:
        folder: holds the file.
        captures: texts as captured; the first of a key is taken.
        authors: author by `text_key`, as far as known.

    Raises:
        FileNotFoundError: the file is not there.
        ValueError: a column is missing, a value is not a legal one, or a key stands there twice.
    """
    path = folder / OWN_FILE
    rows = {}
    for where, row in _rows(path, ("content_hash", "stance", "promo", "kind", "instruments", "weight")):
        if row["content_hash"] in rows:
            raise ValueError(f"{where}: content_hash stands there twice")
        rows[row["content_hash"]] = where, row
    texts: dict[str, str] = {}
    for text in captures:
        key = text_key(text)
        if key in rows:
            texts.setdefault(key, text)
    if len(texts) < len(rows):
        lost = len(rows) - len(texts)
        warnings.warn(f"{path.name}: {lost} of {len(rows)} labelled texts are not captured", stacklevel=2)
    examples = []
    for key, (where, row) in rows.items():
        if key in texts:
            label = _whole(row["stance"], _THREE, where) if row["stance"] else NO_LABEL
            promo = _whole(row["promo"], (0, 1), where) if row["promo"] else NO_LABEL
            kind = _kind(row["kind"], where) if row["kind"] else None
            instruments = None if row["instruments"] == "?" else tuple(sorted(row["instruments"].split()))
            weight = _positive(row["weight"], where)
            examples.append(_Example(OWN, texts[key], label, promo, kind, instruments, weight))
    return _columns(examples, authors or {})


def small_talk() -> list[str]:
    """Texts that take no side: see `SMALL_TALK`."""
    return SMALL_TALK.read_text(encoding="utf-8").splitlines()


def _read_readings(folder: Path) -> list[_Example]:
    """The Indian stance set: per field, the label of both readings where they agree."""
    first, second = (_reading(folder / f"india_stance_{letter}.jsonl") for letter in "ab")
    examples = []
    for where, row in _rows(folder / SETS["india_stance"].file, ("id", "text")):
        if row["id"] not in first or row["id"] not in second:
            raise ValueError(f"{where}: id {row['id']} has not been read twice")
        one, other = first[row["id"]], second[row["id"]]
        examples.append(
            _Example(
                "india_stance",
                row["text"],
                label=one.label if one.label == other.label else NO_LABEL,
                promo=one.promo if one.promo == other.promo else NO_LABEL,
                kind=one.kind if one.kind == other.kind else None,
                instruments=one.instruments if one.instruments == other.instruments else None,
            )
        )
    return examples


def _reading(path: Path) -> dict[str, _Reading]:
    """What one reader says of each post, by id."""
    reading = {}
    with _open(path) as lines:
        for number, line in enumerate(lines, 1):
            where = f"{path.name}, line {number}"
            try:
                record = json.loads(line)
                values = [record[name] for name in ("id", "stance", "promo", "kind", "instruments")]
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{where}: {type(error).__name__}: {error}") from None
            key, stance, promo, kind, instruments = values
            reading[str(key)] = _Reading(
                _whole(stance, _THREE, where),
                _whole(promo, (0, 1), where),
                _kind(kind, where),
                tuple(sorted(set(instruments))),
            )
    return reading


def _open(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8", newline="")
    except FileNotFoundError:
        raise FileNotFoundError(f"no {path.name} in {path.parent}") from None


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Where a row stands, for messages, and the row."""
    with _open(path) as lines:
        reader = csv.DictReader(lines)
        if missing := [name for name in columns if name not in (reader.fieldnames or ())]:
            raise ValueError(f"{path.name}: no column {', '.join(missing)}")
        for row in reader:
            where = f"{path.name}, line {reader.line_num}"
            if short := [name for name in columns if row[name] is None]:
                raise ValueError(f"{where}: no {', '.join(short)}")
            yield where, row


def _whole(value: str | int, allowed: Collection[int], where: str) -> int:
    for number in allowed:
        if str(value) == str(number):
            return number
    raise ValueError(f"{where}: {value!r} is none of {', '.join(map(str, allowed))}")


def _positive(value: str, where: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError(f"{where}: {value!r} is no weight above 0")
    return number


def _kind(value: str, where: str) -> str:
    if value not in CLASSES:
        raise ValueError(f"{where}: {value!r} is none of {', '.join(CLASSES)}")
    return value


# ---- Columns --------------------------------------------------------------------------------------


def _columns(examples: Sequence[_Example], authors: Mapping[str, str]) -> Examples:
    n = len(examples)
    dataset, text, label, promo, kind, instruments, weight = (
        zip(*examples, strict=True) if examples else [()] * 7
    )
    author = [authors.get(text_key(each)) for each in text] if authors else [None] * n
    return Examples(
        dataset=np.fromiter(dataset, object, n),
        text=np.fromiter(text, object, n),
        label=np.array(label, np.int8),
        promo=np.array(promo, np.int8),
        kind=np.fromiter(kind, object, n),
        instruments=np.fromiter(instruments, object, n),
        weight=np.array(weight, np.float64),
        author=np.fromiter(author, object, n),
        group=group(text, author),
    )


def take(examples: Examples, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Examples:
    """These rows, by mask or by number; group numbers stay."""
    return Examples._make(column[rows] for column in examples)


def stack(*parts: Examples) -> Examples:
    """All rows of all parts; group numbers stay."""
    return Examples._make(np.concatenate(columns) for columns in zip(*parts, strict=True))


def concatenate(*parts: Examples) -> Examples:
    """All rows of all parts, grouped anew across them."""
    joined = stack(*parts)
    return joined._replace(group=group(joined.text.tolist(), joined.author.tolist()))


# ---- Groups and folds -----------------------------------------------------------------------------


def group(texts: Sequence[str], authors: Sequence[str | None] | None = None) -> NDArray[np.int64]:
    """Group number of each of n texts: one for texts linked by near copies or a shared author.

    Numbers are 0, 1, ... in order of first appearance. Links chain, so two texts of a group need not be
    near copies themselves. An author of None links nothing.
    """
    parent = list(range(len(texts)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    def link(one: int, other: int) -> None:
        low, high = sorted((root(one), root(other)))
        parent[high] = low

    by_author: dict[str, int] = {}
    for row, author in enumerate(authors or ()):
        if author is not None:
            link(row, by_author.setdefault(author, row))
    shingled: dict[frozenset[tuple[str, ...]], int] = {}
    for row, text in enumerate(texts):
        link(row, shingled.setdefault(_shingles(text), row))

    frequency = Counter(shingle for shingles in shingled for shingle in shingles)
    indexed: defaultdict[tuple[str, ...], list[tuple[frozenset[tuple[str, ...]], int]]] = defaultdict(list)
    for shingles, row in sorted(shingled.items(), key=lambda item: (len(item[0]), item[1])):
        size = len(shingles)
        rarest = sorted(shingles, key=lambda shingle: (frequency[shingle], shingle))
        for shingle in rarest[: size - -(-17 * size // 20) + 1]:
            for other, other_row in indexed[shingle]:
                if 20 * len(other) >= 17 * size and root(row) != root(other_row):
                    shared = len(shingles & other)
                    if 20 * shared >= 17 * (size + len(other) - shared):
                        link(row, other_row)
            indexed[shingle].append((shingles, row))
    # A root is the least row of its group, so sorted roots are in order of appearance.
    roots = np.array([root(row) for row in range(len(texts))], np.int64)
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = scan(normalise(text))
    return frozenset(zip(words, words[1:], words[2:], strict=False)) or frozenset({tuple(words)})


def folds(groups: NDArray[np.int64], k: int = 5, seed: int = 0) -> NDArray[np.int64]:
    """Fold number, 0 to k - 1, of each of n examples, given their groups.

    Groups are shuffled by the seed, then dealt out from large to small, each to the smallest fold so far.

    Raises:
        ValueError: there are fewer groups than folds.
    """
    _, member, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < k:
        raise ValueError(f"{len(sizes)} groups cannot make {k} folds")
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    fold = np.empty(len(sizes), np.int64)
    heap = [(0, number) for number in range(k)]
    for each in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        filled, number = heap[0]
        fold[each] = number
        heapq.heapreplace(heap, (filled + int(sizes[each]), number))
    return fold[member]


def read_captures(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Texts of landed posts (`raw/tweets` of a data root), and the author of each by `text_key`.

    Raises:
        FileNotFoundError: the folder holds no Parquet files.
    """
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        raise FileNotFoundError(f"{folder}: no Parquet files; land the captures first")
    texts: list[str] = []
    authors: dict[str, str] = {}
    for file in files:
        columns = pq.read_table(file, columns=["text", "author_id", "author_handle"]).to_pydict()
        for text, identity, handle in zip(*columns.values(), strict=True):
            texts.append(text)
            if author := identity or handle:
                authors.setdefault(text_key(text), author)
    return texts, authors
