"""Evidence: parts that add up to their score, the largest of them, and how they are spelled."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import model as models
from ml.evidence import EVIDENCE_TYPE, EXPLAINED, spell
from ml.model import Judgement
from ml.rules import FEATURES
from ml.text import normalise_array
from ml.tokens import tokenise

PIECES = [
    "buy", "sell", "nifty", "24500", "1.75", "2025", "ce", "sl", "hit", "not", "bullish", ".", ",", "*",
    "join", "telegram", "profit", "falls", "#nifty", "$tcs", "@me", "me@mail.com", "तेजी", "🚀", "⚡\ufe0f",
]  # fmt: skip
some_texts = st.lists(st.text() | st.lists(st.sampled_from(PIECES)).map(" ".join), max_size=5)
TEXTS = [
    "Buy Nifty 24500 CE above 120, sl 100, target 150 #nifty #banknifty",
    "Company reports profit falls 12% in 2025",
    "",
    "Join our telegram channel for free calls 🚀🚀 @me $tcs me@mail.com",
    "बाजार में तेजी, don’t sell",
]

Part = dict[str, Any]


def explained(texts: list[str], most: int = sys.maxsize) -> tuple[Judgement, list[list[Part]]]:
    """Scores, and the parts with their base."""
    tokens = tokenise(normalise_array(pa.array(texts, pa.string())))
    judged, parts = models.load().judge(tokens, most)
    return judged, spell(tokens, parts, with_base=True).to_pylist()


@settings(deadline=None)
@given(some_texts)
def test_parts_add_up_to_the_log_odds(texts: list[str]) -> None:
    judged, evidence = explained(texts)
    assert len(evidence) == len(texts)
    for row, parts in enumerate(evidence):
        for score, chances in zip(EXPLAINED, (judged.p_view, judged.p_up, judged.p_promo), strict=True):
            own = [part for part in parts if part["score"] == score]
            assert [part["source"] for part in own].count("base") == 1
            assert own[-1]["source"] == "base"
            log_odds = np.log(chances[row] / (1 - chances[row]))
            assert sum(part["log_odds"] for part in own) == pytest.approx(log_odds, abs=1e-4)


@settings(deadline=None)
@given(some_texts, st.integers(1, 6))
def test_the_largest_are_kept(texts: list[str], most: int) -> None:
    _, whole = explained(texts)
    _, some = explained(texts, most)
    for everything, kept in zip(whole, some, strict=True):
        for score in EXPLAINED:
            *parts, base = [part for part in everything if part["score"] == score]
            *largest, same_base = [part for part in kept if part["score"] == score]
            sizes = [abs(part["log_odds"]) for part in parts]
            assert sizes == sorted(sizes, reverse=True)
            assert largest == parts[:most]
            assert same_base == base
            assert 0 not in sizes


@settings(deadline=None)
@given(some_texts)
def test_terms_are_words_of_the_text_pairs_of_them_or_rules(texts: list[str]) -> None:
    array = normalise_array(pa.array(texts, pa.string()))
    tokens = tokenise(array)
    _, evidence = explained(texts)
    for row, parts in enumerate(evidence):
        words = [tokens.text(place) for place in range(tokens.rows[row], tokens.rows[row + 1])]
        bounded = ["<start>", *words, "<end>"]
        pairs = {
            f"{first} {'* ' * gap}{second}"
            for gap in range(3)
            for first, second in zip(bounded, bounded[gap + 1 :], strict=False)
        }
        terms = {"word": set(words), "pair": pairs, "rule": set(FEATURES), "base": {""}}
        assert all(part["term"] in terms[part["source"]] for part in parts)
        # A rule speaks once per score, and no word more often than it stands there.
        for score in EXPLAINED:
            for source, allowed in (("rule", list(FEATURES)), ("word", words)):
                said = [part["term"] for part in parts if (part["score"], part["source"]) == (score, source)]
                assert all(said.count(term) <= allowed.count(term) for term in said)


@settings(deadline=None)
@given(some_texts, st.integers(0, 4))
def test_evidence_is_of_its_own_text_alone(texts: list[str], most: int) -> None:
    _, together = explained(texts, most)
    assert together == [explained([text], most)[1][0] for text in texts]


def test_words_speak_for_what_they_say() -> None:
    for text, score, term, sign in (
        ("so bullish today", "direction", "bullish", 1),
        ("so bearish today", "direction", "bearish", -1),
        ("so bullish today", "view", "bullish", 1),
        ("the telegram channel of today", "promo", "telegram", 1),
    ):
        _, (parts,) = explained([text])
        (part,) = (p for p in parts if (p["score"], p["source"], p["term"]) == (score, "word", term))
        assert part["log_odds"] * sign > 0


def test_an_empty_text_has_a_base_and_what_being_empty_says() -> None:
    _, (parts,) = explained([""])
    assert {part["source"] for part in parts} <= {"pair", "rule", "base"}
    assert {part["term"].strip() for part in parts} <= {"", *FEATURES}
    assert [part["score"] for part in parts if part["source"] == "base"] == list(EXPLAINED)


def test_type_and_the_base_left_out() -> None:
    tokens = tokenise(normalise_array(pa.array(TEXTS)))
    _, parts = models.load().judge(tokens, 3)
    whole, plain = spell(tokens, parts, with_base=True), spell(tokens, parts)
    assert whole.type == plain.type == EVIDENCE_TYPE
    assert plain.null_count == 0
    plain.validate(full=True)
    assert plain.to_pylist() == [[p for p in row if p["source"] != "base"] for row in whole.to_pylist()]
    assert all(len(row) <= 9 for row in plain.to_pylist())


def test_no_texts_and_no_parts() -> None:
    assert explained([])[1] == []
    tokens = tokenise(pa.array(TEXTS))
    _, parts = models.load().judge(tokens)
    assert spell(tokens, parts).to_pylist() == [[]] * len(TEXTS)


def test_parts_of_a_slice_are_those_of_its_texts() -> None:
    array = normalise_array(pa.array(TEXTS))
    whole, part = tokenise(array), tokenise(array[1:4])
    model = models.load()
    expected = spell(whole, model.judge(whole, 5)[1]).to_pylist()[1:4]
    assert spell(part, model.judge(part, 5)[1]).to_pylist() == expected


def test_a_long_text_is_explained_in_time() -> None:
    words = [f"word{number % 5000} up{number}" for number in range(20_000)]
    _, (parts,) = explained([" ".join(words)], 3)
    assert [part["score"] for part in parts].count("promo") <= 4
