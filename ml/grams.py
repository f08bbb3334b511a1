"""The n-grams that the linear model weighs: words, word pairs, letters within words, hashtags.

Each distinct gram of a text counts once, times its idf, letters once per distinct word; each block of grams
(`BLOCKS`) is then scaled to a fixed length, so that long posts weigh no more than short ones. Numbers count
by their shape, and cashtags, handles and hashtags within pairs by their sign alone: what a post is about must
not move its stance.

What a word's letters add thus depends on the word alone, and so can be known before a text is read.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ml.tokens import (
    CASHTAG,
    HANDLE,
    HASHTAG,
    NUMBER,
    WORD,
    HashIndex,
    Tokens,
    find,
    hash_bytes,
    mix,
)

# Blocks of grams and the length each is scaled to.
BLOCKS = ("word", "pair", "letters", "hashtag")
LENGTHS = (1.0, 0.7, 1.0, 0.7)
_LENGTHS = np.array(LENGTHS)
_WORDS, _PAIRS, _LETTERS, _TAGS = range(4)
_REACH = 3  # a pair's second word is at most three tokens on
_SIZES = (2, 5)  # letters in a row, the word's ends counted

_YEAR, _WHOLE, _DECIMAL, _TAG, _CASH, _AT, _START, _END = (
    np.uint64(hash_bytes(np.frombuffer(name.encode(), np.uint8), 0, len(name)))
    for name in ("<year>", "<whole>", "<decimal>", "#", "$", "@", "<start>", "<end>")
)
_LETTER_SEED = np.uint64(0x9AE16A3B2F90404F)


class Grams(NamedTuple):
    """All grams of n texts, repeats included; those of text i are `rows[i]` to `rows[i + 1]`."""

    rows: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    blocks: NDArray[np.uint8]
    starts: NDArray[np.int64]
    """Where it can be read: a token for words, pairs and hashtags, the first byte for letters; -1 - byte
    where the word's beginning counts."""
    ends: NDArray[np.int64]
    """The pair's second token, or one past the last byte of the letters; -1 - byte where the word's end
    counts."""


class Weighted(NamedTuple):
    """Known grams of n texts as a sparse matrix [n, vocabulary], rows `rows[i]` to `rows[i + 1]`.

    Letters that several words of a text share have an entry for each.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float64]
    blocks: NDArray[np.uint8]
    starts: NDArray[np.int64]
    """Where the gram first stands, as in `Grams`; `ends` likewise."""
    ends: NDArray[np.int64]


@njit(cache=True, nogil=True)
def _symbol(
    kind: int, digest: np.uint64, value: float, data: NDArray[np.uint8], start: int, end: int
) -> np.uint64:
    """What a token counts as in words and pairs."""
    if kind == NUMBER:
        if end - start == 4 and 1900 <= value < 2100 and value == np.floor(value):
            return _YEAR
        for at in range(start, end):
            if data[at] == 46:
                return _DECIMAL
        return _WHOLE
    if kind == HASHTAG:
        return _TAG
    if kind == CASHTAG:
        return _CASH
    if kind == HANDLE:
        return _AT
    return digest


@njit(cache=True, nogil=True)
def _bound(first: int, last: int, starts: NDArray[np.int32], ends: NDArray[np.int32]) -> int:
    """At least as many grams as the tokens from `first` to `last` have."""
    n_bytes = 0
    for token in range(first, last):
        n_bytes += ends[token] - starts[token] + 2
    return (2 + _REACH) * (last - first + 2) + 4 * n_bytes


@njit(cache=True, nogil=True)
def _word_letters(
    data: NDArray[np.uint8],
    begin: int,
    stop: int,
    out_hashes: NDArray[np.uint64],
    out_starts: NDArray[np.int64],
    out_ends: NDArray[np.int64],
    at: int,
) -> int:
    """Writes the letters of the word in bytes `begin` to `stop`, from place `at`; returns the next."""
    # The bounds of the word count as letters of their own: byte 2 before it, byte 3 after it.
    left = begin - 1
    while left < stop:
        digest = _LETTER_SEED
        right = left
        for length in range(1, _SIZES[1] + 1):
            if right > stop:
                break
            if right < begin:
                digest = mix(digest, np.uint64(2))
                right += 1
            elif right == stop:
                digest = mix(digest, np.uint64(3))
                right += 1
            else:
                point = np.uint64(data[right])
                right += 1
                while right < stop and data[right] & 0xC0 == 0x80:
                    point = (point << np.uint64(8)) | np.uint64(data[right])
                    right += 1
                digest = mix(digest, point)
            if length >= _SIZES[0]:
                out_hashes[at] = digest
                out_starts[at] = left if left >= begin else -begin - 1
                out_ends[at] = right if right <= stop else -stop - 1
                at += 1
        left += 1
        while left < stop and left >= begin and data[left] & 0xC0 == 0x80:
            left += 1
    return at


@njit(cache=True, nogil=True)
def has_letters(kind: int, start: int, end: int) -> bool:
    """Whether a token's letters count."""
    return kind == WORD and end - start > 1


@njit(cache=True, nogil=True)
def repeats(
    rows: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    hashes: NDArray[np.uint64],
) -> NDArray[np.bool_]:
    """Which words with letters their text has said before: [tokens]."""
    longest = 0
    for row in range(len(rows) - 1):
        longest = max(longest, rows[row + 1] - rows[row])
    size = 16
    while size < 2 * longest:
        size *= 2
    mask = np.uint64(size - 1)
    places = np.full(size, -1, np.int64)  # a token; one before the text is an empty place
    repeated = np.zeros(len(kinds), np.bool_)
    for row in range(len(rows) - 1):
        for token in range(rows[row], rows[row + 1]):
            if not has_letters(kinds[token], starts[token], ends[token]):
                continue
            at = hashes[token] & mask
            while places[at] >= rows[row] and hashes[places[at]] != hashes[token]:
                at = (at + np.uint64(1)) & mask
            if places[at] >= rows[row]:
                repeated[token] = True
            else:
                places[at] = token
    return repeated


@njit(cache=True, nogil=True)
def _row_grams(
    data: NDArray[np.uint8],
    first: int,
    last: int,
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    hashes: NDArray[np.uint64],
    values: NDArray[np.float64],
    out_hashes: NDArray[np.uint64],
    out_blocks: NDArray[np.uint8],
    out_starts: NDArray[np.int64],
    out_ends: NDArray[np.int64],
    at: int,
) -> int:
    """Writes the grams, but for letters, of the tokens from `first` to `last`; returns the next place."""
    size = last - first
    symbols = np.empty(size + 2, np.uint64)
    symbols[0], symbols[size + 1] = _START, _END
    for token in range(first, last):
        symbol = _symbol(kinds[token], hashes[token], values[token], data, starts[token], ends[token])
        symbols[token - first + 1] = symbol
        out_hashes[at], out_blocks[at] = mix(symbol, np.uint64(_WORDS)), _WORDS
        out_starts[at], out_ends[at] = token, token
        at += 1
        if kinds[token] == HASHTAG:
            out_hashes[at], out_blocks[at] = mix(hashes[token], np.uint64(_TAGS)), _TAGS
            out_starts[at], out_ends[at] = token, token
            at += 1
    for left in range(size + 1):
        for gap in range(1, min(_REACH, size + 1 - left) + 1):
            digest = mix(symbols[left], symbols[left + gap])
            out_hashes[at], out_blocks[at] = mix(digest, np.uint64(gap + 8)), _PAIRS
            out_starts[at], out_ends[at] = first + left - 1, first + left + gap - 1
            at += 1
    return at


@njit(cache=True, nogil=True)
def _all_grams(
    data: NDArray[np.uint8],
    rows: NDArray[np.int64],
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    hashes: NDArray[np.uint64],
    values: NDArray[np.float64],
    out_rows: NDArray[np.int64],
    out_hashes: NDArray[np.uint64],
    out_blocks: NDArray[np.uint8],
    out_starts: NDArray[np.int64],
    out_ends: NDArray[np.int64],
) -> None:
    at = 0
    for row in range(len(rows) - 1):
        at = _row_grams(
            data, rows[row], rows[row + 1], starts, ends, kinds, hashes, values,
            out_hashes, out_blocks, out_starts, out_ends, at,
        )  # fmt: skip
        for token in range(rows[row], rows[row + 1]):
            if has_letters(kinds[token], starts[token], ends[token]):
                begin = at
                at = _word_letters(data, starts[token], ends[token], out_hashes, out_starts, out_ends, at)
                out_blocks[begin:at] = _LETTERS
        out_rows[row + 1] = at


@njit(cache=True, nogil=True)
def _grown(array: NDArray[Any], capacity: int) -> NDArray[Any]:
    wider = np.empty(capacity, array.dtype)
    for place in range(len(array)):  # numba takes seconds to compile the copying of a slice
        wider[place] = array[place]
    return wider


@njit(cache=True, nogil=True)
def scan_letters(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    slots: NDArray[np.uint64],
    seen: NDArray[np.int32],
    stamp: int,
    hashes: NDArray[np.uint64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    columns: NDArray[np.int32],
) -> int:
    """Finds the distinct known letters of the word in bytes `start` to `end`; returns how many.

    Their columns, first and last bytes are put in the given arrays, which have `room_for_letters`.
    `seen` [vocabulary] is for marking, with a `stamp` of the word's own.
    """
    n_grams = _word_letters(data, start, end, hashes, starts, ends, 0)
    count = 0
    for gram in range(n_grams):
        column = find(slots, hashes[gram])
        if column >= 0 and seen[column] != stamp:
            seen[column] = stamp
            columns[count], starts[count], ends[count] = column, starts[gram], ends[gram]
            count += 1
    return count


@njit(cache=True, nogil=True)
def room_for_letters(starts: NDArray[np.int32], ends: NDArray[np.int32]) -> int:
    """At least as many letters as the longest token has."""
    longest = 0
    for token in range(len(starts)):
        longest = max(longest, ends[token] - starts[token])
    return (_SIZES[1] - _SIZES[0] + 1) * (longest + 2)


@njit(cache=True, nogil=True)
def _weigh(
    data: NDArray[np.uint8],
    rows: NDArray[np.int64],
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    hashes: NDArray[np.uint64],
    values: NDArray[np.float64],
    slots: NDArray[np.uint64],
    idf: NDArray[np.float32],
    with_letters: bool,
    out_rows: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    most = 0
    for row in range(len(rows) - 1):
        most = max(most, _bound(rows[row], rows[row + 1], starts, ends))
    gram_hashes, gram_blocks = np.empty(most, np.uint64), np.empty(most, np.uint8)
    gram_starts, gram_ends = np.empty(most, np.int64), np.empty(most, np.int64)
    gram_columns = np.empty(most if with_letters else 0, np.int32)
    # What is kept of the grams is far less than their bound, and untouched memory is slow to come by.
    capacity = 1 << 16
    columns, weights, blocks = np.empty(capacity, np.int32), np.empty(capacity), np.empty(capacity, np.uint8)
    firsts, lasts = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    seen = np.full(len(idf), -1, np.int32)
    repeated = repeats(rows, kinds, starts, ends, hashes) if with_letters else np.empty(0, np.bool_)
    count = 0
    for row in range(len(rows) - 1):
        needed = count + _bound(rows[row], rows[row + 1], starts, ends)
        if needed > capacity:
            capacity = 2 * needed
            columns, weights = _grown(columns, capacity), _grown(weights, capacity)
            blocks = _grown(blocks, capacity)
            firsts, lasts = _grown(firsts, capacity), _grown(lasts, capacity)
        begin = count
        n_grams = _row_grams(
            data, rows[row], rows[row + 1], starts, ends, kinds, hashes, values,
            gram_hashes, gram_blocks, gram_starts, gram_ends, 0,
        )  # fmt: skip
        for gram in range(n_grams):
            column = find(slots, gram_hashes[gram])
            if column >= 0 and seen[column] != row:
                seen[column] = row
                columns[count], weights[count], blocks[count] = column, idf[column], gram_blocks[gram]
                firsts[count], lasts[count] = gram_starts[gram], gram_ends[gram]
                count += 1
        if with_letters:
            for token in range(rows[row], rows[row + 1]):
                if repeated[token] or not has_letters(kinds[token], starts[token], ends[token]):
                    continue
                n_letters = scan_letters(
                    data, starts[token], ends[token], slots, seen, len(rows) + token,
                    gram_hashes, gram_starts, gram_ends, gram_columns,
                )  # fmt: skip
                for gram in range(n_letters):
                    column = gram_columns[gram]
                    columns[count], weights[count], blocks[count] = column, idf[column], _LETTERS
                    firsts[count], lasts[count] = gram_starts[gram], gram_ends[gram]
                    count += 1
        squares = np.zeros(4)
        for entry in range(begin, count):
            squares[blocks[entry]] += weights[entry] * weights[entry]
        for block in range(4):
            if squares[block] > 0:
                squares[block] = _LENGTHS[block] / math.sqrt(squares[block])
        for entry in range(begin, count):
            weights[entry] *= squares[blocks[entry]]
        out_rows[row + 1] = count
    return columns[:count], weights[:count], blocks[:count], firsts[:count], lasts[:count]


def extract(tokens: Tokens) -> Grams:
    """Every gram of the texts."""
    most = int(_bound(0, len(tokens.kinds), tokens.starts, tokens.ends)) + 10 * len(tokens.rows)
    grams = Grams(
        np.zeros(len(tokens.rows), np.int64),
        np.empty(most, np.uint64),
        np.empty(most, np.uint8),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
    )
    _all_grams(*tokens, *grams)
    return Grams._make([grams.rows, *(column[: grams.rows[-1]] for column in grams[1:])])


def weigh(
    tokens: Tokens, vocabulary: HashIndex, idf: NDArray[np.float32], *, with_letters: bool = True
) -> Weighted:
    """The texts' grams that are in the vocabulary [f], weighed by idf [f] and scaled block by block."""
    rows = np.zeros(len(tokens.rows), np.int64)
    return Weighted(rows, *_weigh(*tokens, *vocabulary, idf, with_letters, rows))


def name(tokens: Tokens, grams: Grams, gram: int) -> str:
    """How a reader would write the gram: a word, `two words`, `two * words` with others between, `~letters~`
    (`~` where the word goes on)."""
    start, end = int(grams.starts[gram]), int(grams.ends[gram])
    if grams.blocks[gram] == _LETTERS:
        letters = bytes(tokens.data[max(start, -1 - start) : max(end, -1 - end)]).decode()
        return f"{'' if start < 0 else '~'}{letters}{'' if end < 0 else '~'}"
    if grams.blocks[gram] == _TAGS:
        return tokens.text(start)
    text = int(np.searchsorted(grams.rows, gram, "right")) - 1
    first, last = int(tokens.rows[text]), int(tokens.rows[text + 1])

    def spell(token: int) -> str:
        if not first <= token < last:
            return "<start>" if token < first else "<end>"
        if tokens.kinds[token] in (HASHTAG, CASHTAG, HANDLE):
            return f"<{tokens.text(token)[0] if tokens.kinds[token] != HANDLE else '@'}>"
        if tokens.kinds[token] == NUMBER:
            digits = tokens.text(token)
            is_year = len(digits) == 4 and 1900 <= tokens.values[token] < 2100 and digits.isdecimal()
            return "<year>" if is_year else "<decimal>" if "." in digits else "<whole>"
        return tokens.text(token).replace("\ufe0f", "")

    if grams.blocks[gram] == _WORDS:
        return spell(start)
    gap = " " + "* " * (end - start - 1)
    return f"{spell(start)}{gap}{spell(end)}"
