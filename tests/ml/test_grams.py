"""N-grams: by hand, against a slow reference, and what their weights promise."""

from __future__ import annotations

import random
import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.grams import BLOCKS, LENGTHS, Grams, extract, name, weigh
from ml.text import normalise, normalise_array
from ml.tokens import CASHTAG, HANDLE, HASHTAG, NUMBER, WORD, HashIndex, Tokens, index, tokenise

PIECES = [
    "buy", "buy", "Nifty", "24450", "24,450", "1.75", "2025", "ce", ",", "*", ".", "#nifty", "#crash", "$tcs",
    "@me", "@", "#", "me@mail.com", "तेजी", "क", "a", "⚡\ufe0f", "🚀", "m&m", "don't", "१२३४", "~",
]  # fmt: skip
some_text = st.lists(st.sampled_from(PIECES)).map(" ".join) | st.text()
some_texts = st.lists(some_text, max_size=5)


def tokens_of(*texts: str) -> Tokens:
    return tokenise(normalise_array(pa.array(texts, pa.string())))


def listed(text: str) -> list[tuple[str, str]]:
    """Block and name of every gram of a text."""
    tokens = tokens_of(text)
    found = extract(tokens)
    return [(BLOCKS[block], name(tokens, found, gram)) for gram, block in enumerate(found.blocks)]


def names(text: str, block: str) -> list[str]:
    return sorted(gram for of, gram in listed(text) if of == block)


def reference(tokens: Tokens, row: int) -> list[tuple[str, str]]:
    """The same, from the tokens as strings."""
    symbols, grams = ["<start>"], []
    for token in range(tokens.rows[row], tokens.rows[row + 1]):
        kind, text = tokens.kinds[token], tokens.text(token).replace("\ufe0f", "")
        if kind == NUMBER:
            is_year = len(text) == 4 and text.isascii() and text.isdecimal() and text[:2] in ("19", "20")
            symbols.append("<year>" if is_year else "<decimal>" if "." in text else "<whole>")
        else:
            symbols.append({HASHTAG: "<#>", CASHTAG: "<$>", HANDLE: "<@>"}.get(kind, text))
        grams.append(("word", symbols[-1]))
        if kind == HASHTAG:
            grams.append(("hashtag", text))
        if kind == WORD and len(text.encode()) > 1:
            bounded = ["", *text, ""]
            for size in range(2, 6):
                for at in range(len(bounded) - size + 1):
                    left, right = "~" * (at > 0), "~" * (at + size < len(bounded))
                    grams.append(("letters", left + "".join(bounded[at : at + size]) + right))
    symbols.append("<end>")
    for gap in (1, 2, 3):
        for first, second in zip(symbols, symbols[gap:], strict=False):
            grams.append(("pair", " ".join([first, *"*" * (gap - 1), second])))
    return grams


def vocabulary(found: Grams, every: int = 1) -> tuple[HashIndex, np.ndarray]:
    """A table of the grams, or of one in `every`, and their hashes."""
    hashes = np.unique(found.hashes)[::every]
    return index(hashes), hashes


def test_grams_of_a_small_text() -> None:
    assert sorted(listed("Buy 24450 ce!")) == sorted(
        [("word", word) for word in ("buy", "<whole>", "ce", "!")]
        + [
            ("pair", pair)
            for pair in (
                "<start> buy", "buy <whole>", "<whole> ce", "ce !", "! <end>",
                "<start> * <whole>", "buy * ce", "<whole> * !", "ce * <end>",
                "<start> * * ce", "buy * * !", "<whole> * * <end>",
            )
        ]
        + [
            ("letters", letters)
            for letters in (
                "b~", "~bu~", "~uy~", "~y", "bu~", "~buy~", "~uy", "buy~", "~buy", "buy",
                "c~", "~ce~", "~e", "ce~", "~ce", "ce",
            )
        ]
    )  # fmt: skip


def test_an_empty_text_is_a_beginning_and_an_end() -> None:
    assert listed("") == [("pair", "<start> <end>")]


def test_hashtags_are_grams_of_their_own_and_have_no_letters() -> None:
    assert names("#nifty #crash", "hashtag") == ["#crash", "#nifty"]
    assert names("#nifty #crash", "letters") == []
    assert names("nifty $tcs @me", "hashtag") == []


def test_letters_are_whole_code_points() -> None:
    assert names("तेज", "letters") == sorted(
        ["त~", "~ते~", "~ेज~", "~ज", "ते~", "~तेज~", "~ेज", "तेज~", "~तेज", "तेज"]
    )
    assert names("क", "letters") == sorted(["क", "क~", "~क"])
    assert names("a 5", "letters") == []


def test_letters_reach_over_five_places_at_most() -> None:
    assert {len(gram.strip("~")) for gram in names("abcdefgh", "letters")} == {1, 2, 3, 4, 5}
    assert "abcd~" in names("abcdefgh", "letters")
    assert "abcde~" not in names("abcdefgh", "letters")


@pytest.mark.parametrize(
    ("number", "shape"),
    [
        ("5", "<whole>"), ("24,450", "<whole>"), ("1.75", "<decimal>"), ("24,450.5", "<decimal>"),
        ("1900", "<year>"), ("2099", "<year>"), ("1899", "<whole>"), ("2100", "<whole>"),
        ("02025", "<whole>"), ("2,025", "<whole>"), ("20.5", "<decimal>"), ("2025", "<year>"),
        ("१२३४", "<whole>"),
    ],
)  # fmt: skip
def test_numbers_count_by_their_shape(number: str, shape: str) -> None:
    assert names(number, "word") == [shape]
    found = extract(tokens_of(number, shape.replace("<year>", "2001").replace("<whole>", "7")))
    if shape != "<decimal>":
        assert found.hashes[: found.rows[1]].tolist() == found.hashes[found.rows[1] :].tolist()


@pytest.mark.parametrize(("one", "other"), [("$tcs", "$infy"), ("@a", "me@mail.com"), ("#up", "#down")])
def test_tags_and_handles_are_generic_in_words_and_pairs(one: str, other: str) -> None:
    for block in ("word", "pair"):
        assert names(f"buy {one} now", block) == names(f"buy {other} now", block)
    found = extract(tokens_of(f"buy {one} now", f"buy {other} now"))
    first, second = (
        {
            int(found.hashes[gram])
            for gram in range(found.rows[row], found.rows[row + 1])
            if BLOCKS[found.blocks[gram]] != "hashtag"
        }
        for row in (0, 1)
    )
    assert first == second


@settings(deadline=None)
@given(some_texts)
def test_grams_are_those_of_the_reference(texts: list[str]) -> None:
    tokens = tokens_of(*texts)
    found = extract(tokens)
    assert len(found.rows) == len(texts) + 1
    for row in range(len(texts)):
        own = range(found.rows[row], found.rows[row + 1])
        spelled = Counter((BLOCKS[found.blocks[gram]], name(tokens, found, gram)) for gram in own)
        assert spelled == Counter(reference(tokens, row))
    # A hash stands for one gram, and a gram has one hash; a sign that stands alone counts as a tag's.
    by_hash = {
        (int(found.hashes[gram]), BLOCKS[block], re.sub("<([#$@])>", r"\1", name(tokens, found, gram)))
        for gram, block in enumerate(found.blocks)
    }
    assert len({hashed for hashed, _, _ in by_hash}) == len(by_hash) == len({gram[1:] for gram in by_hash})


def counted(tokens: Tokens, found: Grams, row: int) -> list[int]:
    """The text's grams that count: the first of each, and of each in the letters of a new word."""
    kept, seen = [], set()
    words: dict[str, int] = {}
    for gram in range(found.rows[row], found.rows[row + 1]):
        word = -1
        if BLOCKS[found.blocks[gram]] == "letters":
            byte = max(int(found.starts[gram]), -1 - int(found.starts[gram]))
            token = int(np.searchsorted(tokens.ends, byte, "right"))
            word = words.setdefault(tokens.text(token), token)
            if word != token:
                continue
        if (word, int(found.hashes[gram])) not in seen:
            seen.add((word, int(found.hashes[gram])))
            kept.append(gram)
    return kept


@settings(deadline=None)
@given(some_texts, st.integers(1, 4), st.integers(0, 99))
def test_weighed_grams_are_those_that_count_and_each_block_has_its_length(
    texts: list[str], every: int, seed: int
) -> None:
    tokens = tokens_of(*texts)
    found = extract(tokens)
    table, hashes = vocabulary(found, every)
    idf = np.random.default_rng(seed).uniform(0.5, 9, len(hashes)).astype(np.float32)
    weighed = weigh(tokens, table, idf)
    for row in range(len(texts)):
        own = slice(weighed.rows[row], weighed.rows[row + 1])
        places = zip(
            hashes[weighed.columns[own]].tolist(), weighed.starts[own].tolist(), weighed.ends[own].tolist(),
            strict=True,
        )  # fmt: skip
        assert sorted(places) == sorted(
            (int(found.hashes[gram]), int(found.starts[gram]), int(found.ends[gram]))
            for gram in counted(tokens, found, row)
            if found.hashes[gram] in hashes
        )
        for block, length in enumerate(LENGTHS):
            in_block = weighed.blocks[own] == block
            values = weighed.values[own][in_block]
            if len(values):
                assert np.linalg.norm(values) == pytest.approx(length)
                shares = values / idf[weighed.columns[own][in_block]]
                assert shares == pytest.approx(np.full(len(shares), shares[0]))


@settings(deadline=None)
@given(some_texts)
def test_without_letters_the_others_stay_as_they_are(texts: list[str]) -> None:
    tokens = tokens_of(*texts)
    table, hashes = vocabulary(extract(tokens), 2)
    idf = np.linspace(1, 9, len(hashes), dtype=np.float32)
    everything, others = weigh(tokens, table, idf), weigh(tokens, table, idf, with_letters=False)
    kept = everything.blocks != BLOCKS.index("letters")
    for ours, theirs in zip(everything[1:], others[1:], strict=True):
        assert np.array_equal(ours[kept], theirs)


@settings(deadline=None)
@given(some_texts)
def test_grams_of_a_text_are_the_same_in_any_batch(texts: list[str]) -> None:
    tokens = tokens_of(*texts)
    found = extract(tokens)
    table, hashes = vocabulary(found, 2)
    idf = np.linspace(1, 9, len(hashes), dtype=np.float32)
    weighed = weigh(tokens, table, idf)
    for row, text in enumerate(texts):
        alone = extract(tokens_of(text))
        own = slice(found.rows[row], found.rows[row + 1])
        assert np.array_equal(alone.hashes, found.hashes[own])
        assert np.array_equal(alone.blocks, found.blocks[own])
        one = weigh(tokens_of(text), table, idf)
        own = slice(weighed.rows[row], weighed.rows[row + 1])
        assert np.array_equal(one.columns, weighed.columns[own])
        assert one.values.tobytes() == weighed.values[own].tobytes()


def test_a_batch_of_many_words_weighs_them_as_each_text_does() -> None:
    """Many distinct words, most of them more than once."""
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdeतेजीé", k=draw.randint(1, 9))) for _ in range(15_000)]
    texts = [" ".join(draw.choices(words, k=draw.choice([1, 100]))) for _ in range(600)]
    tokens = tokens_of(*texts)
    table, hashes = vocabulary(extract(tokens), 3)
    idf = np.linspace(1, 9, len(hashes), dtype=np.float32)
    weighed = weigh(tokens, table, idf)
    for row, text in enumerate(texts):
        own = slice(weighed.rows[row], weighed.rows[row + 1])
        one_tokens = tokens_of(text)
        one = weigh(one_tokens, table, idf)
        assert np.array_equal(one.columns, weighed.columns[own])
        assert one.values.tobytes() == weighed.values[own].tobytes()
        letters = one.blocks == BLOCKS.index("letters")
        first_byte = int(tokens.starts[tokens.rows[row]]) - int(one_tokens.starts[0])
        for at_one, at_all in ((one.starts, weighed.starts[own]), (one.ends, weighed.ends[own])):
            moved = np.where(at_one < 0, at_one - first_byte, at_one + first_byte)
            assert np.array_equal(moved[letters], at_all[letters])


def test_case_and_selectors_do_not_matter() -> None:
    found = extract(tokens_of("BUY ⚡\ufe0f", "buy ⚡"))
    assert found.hashes[: found.rows[1]].tolist() == found.hashes[found.rows[1] :].tolist()
    assert normalise("⚡\ufe0f") != normalise("⚡")


def test_no_texts() -> None:
    tokens = tokens_of()
    found = extract(tokens)
    assert found.rows.tolist() == [0]
    table, hashes = vocabulary(found)
    weighed = weigh(tokens, table, np.ones(len(hashes), np.float32))
    assert weighed.rows.tolist() == [0]
    assert [len(column) for column in weighed[1:]] == [0] * 5
