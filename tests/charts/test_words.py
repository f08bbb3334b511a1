from __future__ import annotations

import re
from datetime import date, datetime
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charts import words
from charts.data import Estimate

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.044, "+0.04"),
        (-0.044, f"{MINUS}0.04"),
        (0.0049, "0.00"),
        (-0.0049, "0.00"),
        (-0.005001, f"{MINUS}0.01"),
    ],
)
def test_a_sign_is_shown_where_the_rounded_number_has_one(value: float, text: str) -> None:
    assert words.signed(value) == text


@given(st.floats(-1, 1), st.integers(1, 4))
def test_a_signed_number_reads_back(value: float, digits: int) -> None:
    text = words.signed(value, digits)
    assert float(text.replace(MINUS, "-")) == round(value, digits)
    assert text[0] in f"+{MINUS}" or float(text) == 0


@pytest.mark.parametrize(
    ("part", "text"),
    [(0, "0 %"), (1, "100 %"), (0.778, "78 %"), (0.004, "<1 %"), (0.996, ">99 %"), (0.5, "50 %")],
)
def test_what_is_neither_none_nor_all_is_not_rounded_to_it(part: float, text: str) -> None:
    assert words.share(part) == text


def test_a_share_keeps_the_digits_asked_for() -> None:
    assert words.share(0.0004, 1) == "<0.1 %"
    assert words.share(0.1447, 1) == "14.5 %"
    assert words.share(0.9996, 1) == ">99.9 %"


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (Estimate(-0.07, -0.11, -0.04), "slightly bearish"),
        (Estimate(0.3, 0.1, 0.5), "bullish"),
        (Estimate(-0.02, -0.05, 0.01), "no clear lean"),
        (Estimate(0.0, 0.0, 0.0), "no clear lean"),
        (Estimate(-0.5, nan, nan), "too few voices to tell"),
    ],
)
def test_a_lean_needs_an_interval_clear_of_nought(score: Estimate, text: str) -> None:
    assert words.lean(score) == text


def test_an_estimate_shows_its_interval_or_that_it_has_none() -> None:
    assert words.with_interval(Estimate(-0.02, -0.05, 0.01)) == f"{MINUS}0.02 [{MINUS}0.05, +0.01]"
    assert words.with_interval(Estimate(0.02, nan, nan)) == "+0.02 (no interval)"
    assert words.with_interval(Estimate(0.0602, 0.03, 0.091), 3, words.plain) == "0.060 [0.030, 0.091]"


def test_shares_stay_within_none_and_all() -> None:
    assert words.interval_of_shares(Estimate(0.95, 0.88, 1.02)) == "[88, 100] %"


def test_counts_and_dates() -> None:
    assert words.count(3482, "post") == "3,482 posts"
    assert words.count(1, "post") == "1 post"
    assert words.count(0) == "0"
    assert words.day(date(2026, 11, 9)) == "9 Nov 2026"
    assert words.instant(datetime(2026, 11, 19, 9, 5)) == "19 Nov 2026, 09:05"


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("Nifty looks strong", "Nifty looks strong"),
        ("Nifty\n  looks   strong #nifty50 #sensex", "Nifty looks strong"),
        ("#nifty50 #sensex", "#nifty50"),
        ("Join @someone_else at https://t.example/abc now", "Join @… at now"),
        ("Join https:// t.example/abc now", "Join now"),
        ("Join t.me/some_channel or wa.me/919876543210 now", "Join or now"),
        ("Call +91 98765 43210 or 9876543210 now", "Call … or … now"),
        ("Levels 24450 24500 24550 hold", "Levels 24450 24500 24550 hold"),
        ("Nifty 24500 CE above 120 sl 95 target 150/180", "Nifty 24500 CE above 120 sl 95…"),
        ("Bank Nifty 52000 PE @ 240, sl 200. Target 300", "Bank Nifty 52000 PE @ 240, sl…"),
        ("a" * 60, "a" * 32 + "…"),
        ("तेजी " * 40, "तेजी तेजी तेजी तेजी तेजी तेजी…"),
        ("https://t.example/abc", ""),
        ("", ""),
    ],
)
def test_an_excerpt_leaves_out_who_is_named_and_where_an_advert_leads(text: str, start: str) -> None:
    assert words.excerpt(text, 33) == start


@given(st.text(max_size=200) | st.text("#@ a1./:htps", max_size=200), st.integers(2, 60))
def test_an_excerpt_is_short_and_on_one_line(text: str, length: int) -> None:
    start = words.excerpt(text, length)
    assert len(start) <= length
    assert "\n" not in start
    assert not re.search(r"@\w", start)
