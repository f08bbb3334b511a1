"""Counts as people, apps and data frames write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.entities.tweets.counts import parse_count


@pytest.mark.parametrize(
    ("stated", "count"),
    [
        ("0", 0),
        (7, 7),
        ("1.2K", 1_200),
        ("1,2K", 1_200),
        ("29K Likes", 29_000),
        ("3.5M", 3_500_000),
        ("12.3L", 1_230_000),
        ("3 lakh", 300_000),
        ("2 lakhs", 200_000),
        ("1.1 cr", 11_000_000),
        ("1.1 crore views", 11_000_000),
        ("1.5 करोड़", 15_000_000),
        ("३ लाख", 300_000),
        ("2bn", 2_000_000_000),
        ("1,234", 1_234),
        ("1,23,456", 123_456),
        ("12,34,56,789", 123_456_789),
        (" 1 234 ", 1_234),
        ("1 234 567", 1_234_567),
        ("१२३", 123),
        ("१,२३,४५६", 123_456),
        ("٣٢١", 321),
        ("１２", 12),
        ("2.0", 2),
        (2.0, 2),
        ("1e3", 1_000),
        ("1.5e+03", 1_500),
        ("10K+", 10_000),
        ("1 Reply", 1),
        ("", None),
        ("  ", None),
        ("nan", None),
        ("N/A", None),
        (None, None),
        (float("nan"), None),
    ],
)
def test_reads(stated: object, count: int | None) -> None:
    assert parse_count(stated) == count


@pytest.mark.parametrize(
    "stated",
    [
        *("#Nifty50", "Will the structure hold?", "-3", -3, "1.5", 1.5, float("inf"), True, [], {}),
        *("1,2,3", "1,23", "12,345,67", "1 23", "2h", "K", "1.2KK", "9" * 30, 2**63, "1 2K"),
    ],
)
def test_refuses_what_is_no_count(stated: object) -> None:
    with pytest.raises(ValueError, match="not a"):
        parse_count(stated)


def indian(number: int) -> str:
    head, tail = str(number)[:-3], str(number)[-3:]
    pairs = []
    while head:
        pairs.append(head[-2:])
        head = head[:-2]
    return ",".join([*reversed(pairs), tail])


def devanagari(text: str) -> str:
    return text.translate(str.maketrans("0123456789", "०१२३४५६७८९"))


@given(st.integers(0, 2**63 - 1))
def test_every_way_to_write_a_whole_number_reads_as_it(number: int) -> None:
    for text in (
        str(number),
        f"{number:,}",
        indian(number),
        f"{number:,}".replace(",", " "),
        f" {number}.0 ",
    ):
        assert parse_count(text) == number
        assert parse_count(devanagari(text)) == number


@given(
    st.integers(1, 9_999),
    st.sampled_from(
        [("K", 10**3), ("M", 10**6), ("L", 10**5), (" lakh", 10**5), ("Cr", 10**7), ("B", 10**9)]
    ),
)
def test_short_forms_are_exact(tenths: int, unit: tuple[str, int]) -> None:
    assert parse_count(f"{tenths / 10:.1f}{unit[0]}") == tenths * unit[1] // 10


@given(st.one_of(st.text(), st.integers(), st.floats(), st.text(alphabet="0123456789.,KMLlakhcr +-e")))
def test_the_answer_is_a_count_or_a_value_error(value: object) -> None:
    try:
        count = parse_count(value)
    except ValueError:
        return
    assert count is None or 0 <= count < 2**63
