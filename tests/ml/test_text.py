"""Normalisation: the rules of ml/text.py, and properties over all of Unicode."""

from __future__ import annotations

import time
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import grams, rules
from ml.text import normalise, normalise_array
from ml.tokens import tokenise

# Pieces that, joined, are likely to upset rules that undo one another.
PIECES = [
    "http://", "https:// ", "HTTP://", "t.me/", "www.", "a.com/", "x", "Ab", "-", "/", ".", "...", "…",
    " ", "\n", "\x1c", "&", "&amp;", "amp;", "&#38;", "#38;", "&#0;", "&nbsp;", "&#8205;", "＆", "\u200b",
    "\u200c", "\u200d", "\u00ad", "\u202e", "\ufe0f", "\ufe0e", "\u20e3", "1", "#", "@", "😀", "👨", "🏽",
    "⚡", "क", "\u094d", "ष", "ा", "ड\u093c", "e", "\u0301", "\u3000", "\x00", "\x85", "\ud800", "𝐍", "ﷺ",
    "\u3164", "\U000e0100", "İ", "ß",
]  # fmt: skip
any_text = st.text(st.characters(exclude_categories=())) | st.lists(st.sampled_from(PIECES)).map("".join)


@settings(deadline=None)
@given(any_text)
def test_normalise_is_idempotent(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@settings(deadline=None)
@given(any_text)
def test_normalised_text_is_plain(text: str) -> None:
    plain = normalise(text)
    assert plain == " ".join(plain.split())
    assert unicodedata.is_normalized("NFKC", plain)
    assert not set("\u200b\u2060\ufeff\u00ad\u200e\u202e\u2066\u034f") & set(plain)
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in plain)
    assert "http://" not in plain.lower()
    assert "https://" not in plain.lower()
    plain.encode()


@settings(deadline=None)
@given(st.lists(st.none() | any_text.filter(lambda text: text.isprintable())))
def test_normalise_array_is_normalise_of_each(texts: list[str | None]) -> None:
    result = normalise_array(pa.array(texts, pa.string()))
    assert result.type == pa.string()
    assert result.to_pylist() == [normalise(text) for text in texts]


def test_normalise_array_takes_chunks() -> None:
    chunked = pa.chunked_array([["a  b"], [None]], pa.string())
    assert normalise_array(chunked).to_pylist() == ["a b", ""]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (None, ""),
        (" \n ", ""),
        ("Buy\n\n#Nifty \t now ", "Buy #Nifty now"),
        ("M&amp;M &amp;amp; L&T &lt;3", "M&M & L&T <3"),
        ("profit&centre Q&reg", "profit&centre Q&reg"),  # no entity without its semicolon
        ("𝐍𝐢𝐟𝐭𝐲 𝟐𝟒𝟓𝟎𝟎 ＣＥ ①", "Nifty 24500 CE 1"),
        ("te\u00adl\u200beg\u2060r\ufeffam \u202eabc\u202c", "telegram abc"),
        ("बाजार में तेजी है, क्या?", "बाजार में तेजी है, क्या?"),
        ("क्\u200dष र\u200cक a\u200db \u200dक", "क्\u200dष र\u200cक ab क"),
        (
            "👨\u200d👩\u200d👧 ⚡\ufe0fNifty 👍🏽 1\ufe0f\u20e3 a\ufe0f",
            "👨\u200d👩\u200d👧 ⚡\ufe0fNifty 👍🏽 1\ufe0f\u20e3 a",
        ),
        ("🚀📈 to the moon", "🚀📈 to the moon"),
        ("\ud800x\x00y", "xy"),
    ],
)
def test_normalise_characters(text: str | None, plain: str) -> None:
    assert normalise(text) == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("see https://t.co/Ab12 now", "see now"),
        ("Telegramhttps://t.me/SomeChannel… x", "Telegram x"),
        ("join http:// \nt.me/SomeChannel \n\n#Nifty", "join #Nifty"),
        ("a https:// fund.com/eng/mutual-fun d/top-performing … #b", "a #b"),
        ("a https://\nyoutu.be/R8jSV?si\n=QGyQz\n…\n\nSubscribe", "a Subscribe"),
        ("video https:// youtu.be/R8jSV today", "video today"),
        ("metaphysicalarticles.org/2025/05/the-pa… ok", "ok"),
        ("T.me/some0092 t.co/x www.some.in WWW.Other.com/x", ""),
        ("dangling https:// here", "dangling here"),
        ("buy/sell 24/7 Rs.2720/- 9.30/10 and/or", "buy/sell 24/7 Rs.2720/- 9.30/10 and/or"),
        ("example.com and a.b.", "example.com and a.b."),
        ("me@mail.com/x", "me@mail.com/x"),
        ("तेजीt.me/x 📈https://t.co/a", "तेजी 📈"),
    ],
)
def test_normalise_links(text: str, plain: str) -> None:
    assert normalise(text) == plain


@pytest.mark.parametrize(
    "piece", ["&amp;", "amp;", "http:// ", "a.", "www.", "\u200d", "😀\u200d", "a-", "x/", "a@", "1."]
)
def test_time_is_linear_in_the_length_of_a_hostile_text(piece: str) -> None:
    texts = pa.array(["", "&" + piece * 100_000])
    grams.extract(tokenise(texts[:1]))  # compiles
    rules.read(tokenise(texts[:1]))
    started = time.process_time()
    for tokens in (tokenise(texts), tokenise(normalise_array(texts))):
        grams.extract(tokens)
        rules.read(tokens)
    assert time.process_time() - started < 5  # quadratic code takes minutes
