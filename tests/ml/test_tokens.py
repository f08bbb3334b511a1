"""The tokeniser against the regular expression that it replaces, and the table of hashes."""

from __future__ import annotations

import math
import random
import re
import unicodedata
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import tokens
from ml.text import CLAUSE_END, normalise, normalise_array
from ml.tokens import CASHTAG, CLAUSE, EMOJI, HANDLE, HASHTAG, NUMBER, PUNCT, WORD, Tokens, scan, tokenise

KIND_NAMES = {
    "word": WORD, "number": NUMBER, "hashtag": HASHTAG, "cashtag": CASHTAG, "handle": HANDLE,
    "clause": CLAUSE, "emoji": EMOJI,
}  # fmt: skip

# Pieces that, joined, are likely to meet at the bounds of tokens.
PIECES = [
    "a", "Nifty", "ve", "+ve", "-ve", "+", "-", "'t", "’t", "'", "&", "@", "#", "$", "_", ".", ",", "?", "!",
    ";", "|", "।", "...", "…", "1", "24,450", "1.75", "१२", "٣", "क", "ि", "क्", "\u200c", "\u200d", "\u0301",
    "é", "😀", "👨", "🏽", "⚡", "©", "↑", "❶", "🇮", "🇳", "\ufe0f", "\ufe0e", "\u20e3", " ", "\n", "\x1c",
    "\u3000", "₹", "%", "/", "(", "ß", "ﬁ", "İ", "Σ", "ς", "K", "𑀓", "𑀸", "𠀀", "𝐍", "\ue000", "\u0378",
]  # fmt: skip
any_text = st.text() | st.lists(st.sampled_from(PIECES)).map("".join)
normalised = any_text.map(normalise)

EMOJI_SET = (
    "\u00a9\u00ae\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d"
    "\U0001f000-\U0001faff"
)
EMOJI_UNIT = f"[{EMOJI_SET}][\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?"


@cache
def reference(is_after_word: bool) -> re.Pattern[str]:
    """What a token is, as slowly as a regular expression reads it; `+ve` is none right after a word.

    From U+20000 on nothing is told apart: what stands there is a letter.
    """
    marks = "".join(
        re.escape(character)
        for character in map(chr, range(0x20000))
        if unicodedata.category(character)[0] == "M" and not "\ufe00" <= character <= "\ufe0f"
    )
    far = "\U00020000-\U0010ffff"
    inside, letter = rf"\w{far}", rf"(?:[^\W\d_]|[{far}])"
    rest = rf"[{inside}{marks}\u200c\u200d&]*"
    is_end = rf"(?![{inside}])"
    signed = "(?!)" if is_after_word else rf"[+-]ve{is_end}"
    return re.compile(
        rf"""(?P<handle>{letter}{rest}(?:'t{is_end})?@[{inside}][{inside}.]*|@[{inside}]+)
           | (?P<word>{letter}{rest}(?:'t{is_end})?|{signed})
           | (?P<number>\d+(?:[.,]\d+)*)
           | (?P<hashtag>\#[{inside}]{rest})
           | (?P<cashtag>\$[{inside}]+)
           | (?P<clause>[{CLAUSE_END}]+)
           | (?P<emoji>[\U0001f1e6-\U0001f1ff]{{2}}|{EMOJI_UNIT}(?:\u200d{EMOJI_UNIT})*)
           | (?P<punct>[^\s\ufe0f])""",
        re.VERBOSE,
    )


def expected(text: str) -> list[tuple[int, str]]:
    """Kind and spelling of each token, by the reference."""
    lower = pc.utf8_lower(pa.array([text], pa.string()))[0].as_py().replace("’", "'")
    found: list[tuple[int, str]] = []
    at = 0
    while match := reference(bool(found) and found[-1][0] <= HANDLE and lower[at] in "+-").search(lower, at):
        found.append((KIND_NAMES.get(str(match.lastgroup), PUNCT), match[0]))
        at = match.end()
        if at == len(lower):
            break
    return found


def spelled(found: Tokens, row: int = 0) -> list[tuple[int, str]]:
    """Kind and spelling of each token of a text."""
    places = range(found.rows[row], found.rows[row + 1])
    return [(int(found.kinds[place]), found.text(place)) for place in places]


def of(text: str) -> Tokens:
    return tokenise(pa.array([text], pa.string()))


def columns(found: Tokens, row: int) -> list[tuple[object, ...]]:
    """What is kept of each token of a text, but its place in the batch."""
    places = slice(found.rows[row], found.rows[row + 1])
    return list(
        zip(
            [text for _, text in spelled(found, row)],
            found.kinds[places].tolist(),
            found.hashes[places].tolist(),
            found.values[places].view(np.int64).tolist(),  # NaNs alike
            strict=True,
        )
    )


@settings(deadline=None, max_examples=400)
@given(normalised)
def test_tokens_are_those_of_the_reference(text: str) -> None:
    assert spelled(of(text)) == expected(text)


@settings(deadline=None)
@given(any_text)
def test_tokens_of_a_text_that_is_not_normalised(text: str) -> None:
    assert spelled(of(text)) == expected(text)


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("24450CE 52,000 PE 1.75", ["24450", "ce", "52,000", "pe", "1.75"]),
        ("Nifty50 Q1FY26 M&M F&O", ["nifty50", "q1fy26", "m&m", "f&o"]),
        ("शेयर बाजार में गिरावट", ["शेयर", "बाजार", "में", "गिरावट"]),
        ("#नोएडा #Nifty_50 $TCS @handle", ["#नोएडा", "#nifty_50", "$tcs", "@handle"]),
        ("📈🚀 ⚡\ufe0f👨\u200d👩\u200d👧🇮🇳", ["📈", "🚀", "⚡", "👨\u200d👩\u200d👧", "🇮🇳"]),
        ("don’t sell", ["don't", "sell"]),
        ("+ve bias, -ve data", ["+ve", "bias", "-ve", "data"]),
        ("mail a@b.com", ["mail", "a@b.com"]),
        ("", []),
    ],
)
def test_scan(text: str, spelling: list[str]) -> None:
    assert scan(normalise(text)) == spelling


def test_scan_keeps_clause_ends() -> None:
    assert scan("Up? No. तेजी।") == ["up", "?", "no", ".", "तेजी", "।"]


@settings(deadline=None)
@given(any_text)
def test_scan_gives_lower_case_pieces_of_the_text(text: str) -> None:
    lower = pc.utf8_lower(pa.array([text], pa.string()))[0].as_py().replace("\ufe0f", "").replace("’", "'")
    assert all(token and token in lower for token in scan(text))


@settings(deadline=None)
@given(st.lists(normalised, max_size=4))
def test_tokens_and_space_make_up_the_texts(texts: list[str]) -> None:
    array = pa.array(texts, pa.string())
    found = tokenise(array)
    assert found.rows[0] == 0
    assert found.rows[-1] == len(found.kinds)
    at = 0
    for row, lower in enumerate(pc.utf8_lower(array).to_pylist()):
        end = at + len(lower.replace("’", "'").encode())
        for place in range(found.rows[row], found.rows[row + 1]):
            between = bytes(found.data[at : found.starts[place]]).decode()
            assert not between.replace("\ufe0f", "").strip()
            assert at <= found.starts[place] < found.ends[place] <= end
            at = found.ends[place]
        assert not bytes(found.data[at:end]).decode().replace("\ufe0f", "").strip()
        at = end


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("buy", [WORD]),
        ("m&m don't +ve -VE", [WORD] * 4),
        ("24,450.50 5", [NUMBER] * 2),
        ("#tag #1 $tcs @me me@mail.com", [HASHTAG, HASHTAG, CASHTAG, HANDLE, HANDLE]),
        (".", [CLAUSE]),
        ("?!... । ; |", [CLAUSE] * 4),
        (",:/-+*%()[]\"'_=<>₹€^~`\\{}", [PUNCT] * 25),
        ("# $ @ &", [PUNCT] * 4),
        ("🚀🚀 ⚡\ufe0f 👍🏽 🇮🇳🇺", [EMOJI] * 6),
        ("1\ufe0f\u20e3", [NUMBER, PUNCT]),
        ("24450ce nifty50 50nifty", [NUMBER, WORD, WORD, NUMBER, WORD]),
        ("5+ve #a-ve तेजी+ve", [NUMBER, PUNCT, WORD, HASHTAG, PUNCT, WORD, WORD, PUNCT, WORD]),
        ("(+ve) -ve", [PUNCT, WORD, PUNCT, WORD]),
    ],
)
def test_kinds(text: str, kinds: list[int]) -> None:
    assert of(normalise(text)).kinds.tolist() == kinds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("24,450.75", 24450.75), ("0.05", 0.05), ("007", 7), ("1,2,3", 123), ("12,345", 12345),
        ("1.2.3", math.nan), ("१२", math.nan), ("9007199254740993", 9007199254740992), ("0", 0),
    ],
)  # fmt: skip
def test_number_values(text: str, value: float) -> None:
    found = of(text)
    assert found.kinds.tolist() == [NUMBER]
    assert found.values[0] == pytest.approx(value, rel=0, abs=0, nan_ok=True)


@settings(deadline=None)
@given(st.integers(0, 10**15 - 1), st.integers(0, 9))
def test_number_values_are_those_that_python_reads(digits: int, places: int) -> None:
    whole, part = divmod(digits, 10**places)
    text = f"{whole:,}" + (f".{part:0{places}}" if places else "")
    assert of(text).values.tolist() == [float(text.replace(",", ""))]


@settings(deadline=None)
@given(any_text)
def test_only_numbers_have_values(text: str) -> None:
    found = of(text)
    assert np.isnan(found.values[found.kinds != NUMBER]).all()


def test_hashes_tell_spellings_apart_but_for_case_selectors_and_handles() -> None:
    def digest(text: str) -> int:
        found = of(normalise(text))
        assert len(found.hashes) == 1
        return int(found.hashes[0])

    assert digest("NIFTY") == digest("nifty") != digest("nifti")
    assert digest("⚡\ufe0f") == digest("⚡")
    assert digest("don’t") == digest("don't")
    assert digest("@one") == digest("@two") == digest("me@mail.com")
    assert len({digest(text) for text in ("nifty", "#nifty", "$nifty", "@nifty")}) == 4


@settings(deadline=None)
@given(st.lists(st.none() | normalised, max_size=8), st.randoms(use_true_random=False))
def test_tokens_depend_on_their_own_text_alone(texts: list[str | None], draw: random.Random) -> None:
    alone = [columns(of(text or ""), 0) for text in texts]
    array = pa.array(texts, pa.string())

    def rows(batch: pa.Array | pa.ChunkedArray) -> list[list[tuple[object, ...]]]:
        found = tokenise(batch)
        assert len(found.rows) == len(batch) + 1
        return [columns(found, row) for row in range(len(batch))]

    assert rows(array) == alone
    assert rows(pa.array(texts, pa.large_string())) == alone
    start, stop = sorted((draw.randint(0, len(texts)), draw.randint(0, len(texts))))
    assert rows(array[start:stop]) == alone[start:stop]
    assert rows(pa.chunked_array([array[:start], array[start:stop], array[stop:]])) == alone
    order = draw.sample(range(len(texts)), len(texts))
    assert rows(array.take(pa.array(order, pa.int64()))) == [alone[row] for row in order]


@pytest.mark.parametrize("empty", [pa.array([], pa.string()), pa.chunked_array([], pa.string())])
def test_no_texts(empty: pa.Array | pa.ChunkedArray) -> None:
    found = tokenise(empty)
    assert found.rows.tolist() == [0]
    assert [len(column) for column in found[2:]] == [0] * 5


@settings(deadline=None)
@given(st.lists(any_text, max_size=5))
def test_strings_are_the_scans_of_the_texts(texts: list[str]) -> None:
    array = normalise_array(pa.array(texts, pa.string()))
    assert tokens.strings(tokenise(array)) == [scan(text) for text in array.to_pylist()]


# Any hash; and hashes whose slots are few, so that they must make way for one another.
hashes = st.integers(0, 2**64 - 1) | st.integers(0, 99).map(lambda number: (number << 32) + number % 3)
# A table tells hashes apart by their upper 40 bits.
distinct = st.lists(hashes, unique_by=lambda digest: digest >> 24, max_size=300)


@settings(deadline=None)
@given(distinct, st.data())
def test_every_key_is_found_and_nothing_else(drawn: list[int], data: st.DataObject) -> None:
    keys = drawn[: data.draw(st.integers(0, len(drawn)))]
    table = tokens.index(np.array(keys, np.uint64))
    assert [tokens.find(*table, np.uint64(key)) for key in keys] == list(range(len(keys)))
    assert {tokens.find(*table, np.uint64(other)) for other in drawn[len(keys) :]} <= {-1}


def test_a_large_table() -> None:
    drawn = np.unique(np.random.default_rng(1).integers(0, 2**64, 200_000, np.uint64))
    drawn = np.random.default_rng(2).permutation(drawn)
    table = tokens.index(drawn[:100_000])
    assert [tokens.find(*table, digest) for digest in drawn[:100_000:97]] == list(range(0, 100_000, 97))
    assert all(tokens.find(*table, digest) == -1 for digest in drawn[100_000::97])


@settings(deadline=None)
@given(distinct.filter(len), st.data())
def test_a_hash_that_is_there_twice_is_refused(keys: list[int], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(keys) - 1))
    place = data.draw(st.integers(first + 1, len(keys)))
    with pytest.raises(ValueError, match=f"row {place}:"):
        tokens.index(np.array([*keys[:place], keys[first], *keys[place:]], np.uint64))
