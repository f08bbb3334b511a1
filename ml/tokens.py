"""Tokens of normalised texts, a batch at a time, as columns of numbers.

`tokenise` reads UTF-8 bytes and writes, for every token, its kind, its place, a 64-bit hash and, for a
number, its value. What follows (lexicon, n-grams, topics, instruments) looks hashes up in a `HashIndex` and
never makes a string. The loops are compiled by numba; they release the interpreter's lock, so a build's
threads run side by side, and each text's tokens depend on that text alone.

Kinds of token, after lower-casing:

WORD      letters, then letters, digits, marks, '&'; a contracted not (`don't`) is one word; `+ve`, `-ve`
NUMBER    digits with '.' or ',' inside; it ends where letters begin (`24450ce` is `24450`, `ce`)
HASHTAG, CASHTAG   `#nifty`, `$tcs`
HANDLE    `@name` and e-mail addresses, all alike
CLAUSE    a run of clause ends: . ? ! ; | danda
EMOJI     a flag, or an emoji sequence without its variation selectors
PUNCT     any other character, one by one
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

WORD, NUMBER, HASHTAG, CASHTAG, HANDLE, CLAUSE, EMOJI, PUNCT = range(8)

# Classes of a character, as bits.
_LETTER, _DIGIT, _OTHER_WORD, _MARK, _EMOJI, _SPACE, _CLAUSE, _SKIN, _FLAG = (1 << bit for bit in range(9))
_ASTRAL_END = 0x20000  # beyond it: ideographs (letters) and unassigned

_FNV = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_EMOJI_RANGES = (
    (0xA9, 0xA9), (0xAE, 0xAE), (0x2190, 0x21FF), (0x2300, 0x23FF), (0x25A0, 0x27BF), (0x2900, 0x297F),
    (0x2B00, 0x2BFF), (0x3030, 0x3030), (0x303D, 0x303D), (0x1F000, 0x1FAFF),
)  # fmt: skip


class Tokens(NamedTuple):
    """Tokens of n texts; those of text i are `rows[i]` to `rows[i + 1]`."""

    data: NDArray[np.uint8]
    """UTF-8 bytes of the lower-cased texts."""
    rows: NDArray[np.int64]
    """[n + 1]"""
    starts: NDArray[np.int32]
    """[tokens] first byte in `data`; `ends` is one past the last."""
    ends: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    hashes: NDArray[np.uint64]
    values: NDArray[np.float64]
    """[tokens] what a number says, NaN where it is no plain number and for other kinds."""

    def text(self, token: int) -> str:
        """The token as a string."""
        return bytes(self.data[self.starts[token] : self.ends[token]]).decode()


class HashIndex(NamedTuple):
    """Open-addressing table: 64-bit hash -> row number. The capacity is a power of two.

    A slot holds the upper 40 bits of a spread hash and, below them, its row + 1 in 24 bits; 0 is an empty
    slot. One array means one miss of the cache per look-up.
    """

    slots: NDArray[np.uint64]


@cache
def _classes() -> NDArray[np.uint16]:
    """Class bits of every code point below `_ASTRAL_END`."""
    table = np.zeros(_ASTRAL_END, np.uint16)
    for point in range(_ASTRAL_END):
        character = chr(point)
        if character.isdecimal():
            table[point] = _DIGIT
        elif character.isalnum():
            table[point] = _LETTER
        elif character.isspace():
            table[point] = _SPACE
        elif unicodedata.category(character)[0] == "M" and not 0xFE00 <= point < 0xFE10:
            table[point] = _MARK
    table[ord("_")] = _OTHER_WORD
    for first, last in _EMOJI_RANGES:
        table[first : last + 1] |= _EMOJI
    table[0x1F3FB:0x1F400] |= _SKIN
    table[0x1F1E6:0x1F200] = _FLAG | _EMOJI
    for character in ".?!;|\u0964":
        table[ord(character)] = _CLAUSE
    return table


@njit(cache=True, nogil=True)
def _decode(data: NDArray[np.uint8], at: int) -> tuple[Any, int]:
    """Code point at a byte of valid UTF-8, and the byte after it."""
    lead = np.int64(data[at])
    if lead < 0x80:
        return lead, at + 1
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | np.int64(data[at + 1]) & 0x3F, at + 2
    if lead < 0xF0:
        return (
            (lead & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6 | np.int64(data[at + 2]) & 0x3F,
            at + 3,
        )
    return (
        (lead & 0x07) << 18
        | (np.int64(data[at + 1]) & 0x3F) << 12
        | (np.int64(data[at + 2]) & 0x3F) << 6
        | np.int64(data[at + 3]) & 0x3F
    ), at + 4


@njit(cache=True, nogil=True)
def _class_at(data: NDArray[np.uint8], at: int, end: int, classes: NDArray[np.uint16]) -> tuple[Any, Any]:
    """Class bits and code point at a byte; -1 for the point past the end."""
    if at >= end:
        return 0, -1
    point, _ = _decode(data, at)
    return (np.int64(classes[point]) if point < _ASTRAL_END else _LETTER), point


@njit(cache=True, nogil=True)
def _word_end(data: NDArray[np.uint8], at: int, end: int, classes: NDArray[np.uint16], loose: bool) -> int:
    """Where a run of word characters ends; a loose run takes marks, joiners and '&', too."""
    while at < end:
        byte = data[at]
        if byte < 0x80:
            if not (classes[byte] & (_LETTER | _DIGIT | _OTHER_WORD) or (loose and byte == 38)):
                break
            at += 1
            continue
        bits, point = _class_at(data, at, end, classes)
        inside = bits & (_LETTER | _DIGIT | _OTHER_WORD) or (
            loose and (bits & _MARK or point == 0x200C or point == 0x200D)
        )
        if not inside:
            break
        _, at = _decode(data, at)
    return at


@njit(cache=True, nogil=True)
def _emoji_unit_end(data: NDArray[np.uint8], at: int, end: int, classes: NDArray[np.uint16]) -> int:
    """Where one emoji with its selector and skin tone ends; `at` where there is none."""
    bits, _ = _class_at(data, at, end, classes)
    if not bits & _EMOJI:
        return at
    _, at = _decode(data, at)
    _, point = _class_at(data, at, end, classes)
    if point == 0xFE0E or point == 0xFE0F:
        at += 3
    bits, _ = _class_at(data, at, end, classes)
    if bits & _SKIN:
        at += 4
    return at


@njit(cache=True, nogil=True)
def hash_bytes(data: NDArray[np.uint8], start: int, end: int) -> np.uint64:
    """FNV-1a of a token's bytes, with its variation selectors (U+FE0F) left out."""
    digest = _FNV
    at = start
    while at < end:
        if data[at] == 0xEF and at + 2 < end and data[at + 1] == 0xB8 and data[at + 2] == 0x8F:
            at += 3
            continue
        digest = (digest ^ np.uint64(data[at])) * _PRIME
        at += 1
    return digest


@njit(cache=True, nogil=True)
def mix(first: np.uint64, second: np.uint64) -> np.uint64:
    """Hash of an ordered pair of hashes."""
    digest = (first ^ (second >> np.uint64(29)) ^ (second << np.uint64(21))) * np.uint64(0x9E3779B97F4A7C15)
    digest = (digest ^ (digest >> np.uint64(32)) ^ second) * np.uint64(0xD6E8FEB86659FD93)
    return digest ^ (digest >> np.uint64(29))


_ROW_MASK = np.uint64((1 << 24) - 1)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # odd: hashes stay apart, and their upper bits mix


@njit(cache=True, nogil=True)
def find(slots: NDArray[np.uint64], digest: np.uint64) -> Any:
    """Row of a hash in a `HashIndex`'s slots, -1 if it is not there."""
    mask = np.uint64(len(slots) - 1)
    digest *= _SPREAD
    at = (digest >> np.uint64(40)) & mask
    while slots[at] != 0:
        if (slots[at] ^ digest) & ~_ROW_MASK == 0:
            return np.int64(slots[at] & _ROW_MASK) - 1
        at = (at + np.uint64(1)) & mask
    return -1


@njit(cache=True, nogil=True)
def _insert(slots: NDArray[np.uint64], hashes: NDArray[np.uint64]) -> int:
    """Puts the hashes in; the row of the first one that is there already, -1 if none is."""
    mask = np.uint64(len(slots) - 1)
    for row in range(len(hashes)):
        if find(slots, hashes[row]) >= 0:
            return row
        digest = hashes[row] * _SPREAD
        at = (digest >> np.uint64(40)) & mask
        while slots[at] != 0:
            at = (at + np.uint64(1)) & mask
        slots[at] = digest & ~_ROW_MASK | np.uint64(row + 1)
    return -1


def index(hashes: NDArray[np.uint64]) -> HashIndex:
    """Table of distinct hashes [m] -> 0 to m - 1.

    Raises:
        ValueError: a hash is there twice, or there are 2 ** 24 hashes or more.
    """
    if len(hashes) >= _ROW_MASK:
        raise ValueError(f"{len(hashes):,} hashes are too many")
    table = HashIndex(np.zeros(1 << max(4, (2 * len(hashes)).bit_length()), np.uint64))
    if (twice := _insert(table.slots, hashes)) >= 0:
        raise ValueError(f"row {twice}: its hash is there already")
    return table


@njit(cache=True, nogil=True)
def _number(data: NDArray[np.uint8], start: int, end: int) -> float:
    """Of ASCII digits with commas between them and at most one point; NaN otherwise, or from 10^18 on."""
    whole, scale, seen_point = 0.0, 1.0, False
    for at in range(start, end):
        byte = data[at]
        if byte == 46:
            if seen_point:
                return np.nan
            seen_point = True
        elif 48 <= byte <= 57:
            whole = whole * 10 + (byte - 48)
            if seen_point:
                scale *= 10
        elif byte != 44:
            return np.nan
    value = whole / scale
    return value if value < 1e18 else np.nan


@njit(cache=True, nogil=True)
def _tokenise(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int32],
    classes: NDArray[np.uint16],
    rows: NDArray[np.int64],
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    hashes: NDArray[np.uint64],
    values: NDArray[np.float64],
) -> int:
    count = 0
    for row in range(len(offsets) - 1):
        rows[row] = count
        at, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        is_after_word = False
        while at < end:
            point, after = _decode(data, at)
            bits = np.int64(classes[point]) if point < _ASTRAL_END else _LETTER
            start, stop, kind = at, after, PUNCT
            if bits & _SPACE or point == 0xFE0F:
                at, is_after_word = after, False
                continue
            if bits & _LETTER:
                kind = WORD
                stop = _word_end(data, after, end, classes, True)
                if stop + 1 < end and data[stop] == 39 and data[stop + 1] == 116:  # 't
                    beyond, _ = _class_at(data, stop + 2, end, classes)
                    if not beyond & (_LETTER | _DIGIT | _OTHER_WORD):
                        stop += 2
                if stop + 1 < end and data[stop] == 64:  # an e-mail address
                    beyond, _ = _class_at(data, stop + 1, end, classes)
                    if beyond & (_LETTER | _DIGIT | _OTHER_WORD):
                        kind, stop = HANDLE, stop + 1
                        while stop < end:
                            beyond, dot = _class_at(data, stop, end, classes)
                            if not (beyond & (_LETTER | _DIGIT | _OTHER_WORD) or dot == 46):
                                break
                            _, stop = _decode(data, stop)
            elif bits & _DIGIT:
                kind = NUMBER
                while stop < end:
                    inside, sign = _class_at(data, stop, end, classes)
                    if inside & _DIGIT:
                        _, stop = _decode(data, stop)
                    elif sign == 46 or sign == 44:
                        inside, _ = _class_at(data, stop + 1, end, classes)
                        if not inside & _DIGIT:
                            break
                        stop += 1
                    else:
                        break
            elif (point == 35 or point == 36 or point == 64) and _class_at(data, after, end, classes)[0] & (
                _LETTER | _DIGIT | _OTHER_WORD
            ):
                kind = HASHTAG if point == 35 else CASHTAG if point == 36 else HANDLE
                stop = _word_end(data, after, end, classes, point == 35)
            elif (
                (point == 43 or point == 45)
                and not is_after_word
                and after + 1 < end
                and data[after] == 118
                and data[after + 1] == 101
                and not _class_at(data, after + 2, end, classes)[0] & (_LETTER | _DIGIT | _OTHER_WORD)
            ):  # +ve, -ve
                kind, stop = WORD, after + 2
            elif bits & _CLAUSE:
                kind = CLAUSE
                while _class_at(data, stop, end, classes)[0] & _CLAUSE:
                    _, stop = _decode(data, stop)
            elif bits & _FLAG and _class_at(data, after, end, classes)[0] & _FLAG:
                kind, stop = EMOJI, after + 4
            elif bits & _EMOJI:
                kind = EMOJI
                stop = _emoji_unit_end(data, at, end, classes)
                while _class_at(data, stop, end, classes)[1] == 0x200D:
                    further = _emoji_unit_end(data, stop + 3, end, classes)
                    if further == stop + 3:
                        break
                    stop = further
            starts[count], ends[count], kinds[count] = start, stop, kind
            hashes[count] = _FNV if kind == HANDLE else hash_bytes(data, start, stop)
            values[count] = _number(data, start, stop) if kind == NUMBER else np.nan
            count += 1
            at = stop
            is_after_word = kind <= HANDLE
    rows[len(offsets) - 1] = count
    return count


def tokenise(texts: pa.Array | pa.ChunkedArray) -> Tokens:
    """Tokens of an Arrow string array of normalised texts [n]; null reads as ''."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    lower = pc.utf8_lower(pc.fill_null(texts.cast(pa.string()), ""))
    lower = pc.replace_substring(lower, "\u2019", "'")
    _, places, content = lower.buffers()
    n = len(lower)
    offsets = np.frombuffer(places, np.int32, n + 1, lower.offset * 4)
    data = np.frombuffer(content, np.uint8) if content else np.zeros(0, np.uint8)
    most = int(offsets[-1] - offsets[0]) if n else 0
    rows = np.zeros(n + 1, np.int64)
    starts, ends = np.empty(most, np.int32), np.empty(most, np.int32)
    kinds, hashes, values = np.empty(most, np.uint8), np.empty(most, np.uint64), np.empty(most)
    count = _tokenise(data, offsets, _classes(), rows, starts, ends, kinds, hashes, values)
    return Tokens(data, rows, starts[:count], ends[:count], kinds[:count], hashes[:count], values[:count])


def strings(tokens: Tokens) -> list[list[str]]:
    """Tokens of each text as strings, punctuation left out."""
    data = tokens.data.tobytes()
    places = zip(tokens.starts.tolist(), tokens.ends.tolist(), tokens.kinds.tolist(), strict=True)
    spelled = [
        "" if kind == PUNCT else data[start:end].decode().replace("\ufe0f", "") for start, end, kind in places
    ]
    return [
        [word for word in spelled[first:last] if word]
        for first, last in zip(tokens.rows[:-1].tolist(), tokens.rows[1:].tolist(), strict=True)
    ]


def scan(text: str) -> list[str]:
    """Tokens of one text as strings, punctuation left out."""
    return strings(tokenise(pa.array([text], pa.string())))[0]
