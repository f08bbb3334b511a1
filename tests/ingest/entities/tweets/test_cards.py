"""Whole cards stored as text, in the three ways scrapers store them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.entities.tweets.cards import Card, read_card

AT = datetime(2025, 8, 2, 10, 0, tzinfo=UTC)


def card(text: str, *cells: str) -> Card:
    found = read_card(text, cells, AT)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "body", "counts"),
    [
        ("Some Name @some_1 · 2h Nifty up 56", "Nifty up", ("56",)),
        ("Some Name @some_1 · Aug 2 Nifty up 3 2 21 1.1K", "Nifty up", ("3", "2", "21", "1.1K")),
        ("Some Name @some_1 · Aug 2, 2024 Nifty up", "Nifty up", ()),
        ("A Club Some Name @some_1 · Admin · 8h Nifty up 7", "Nifty up", ("7",)),
        ("Some Name @some_1 · 2h Replying to  @other and @third Nifty up", "Nifty up", ()),
        ("Some Name @some_1 · 2h Target 24500 100 56", "Target 24500 100", ("56",)),
        ("Some Name @some_1 · 2h Nifty up Show more A and B 1 98", "Nifty up", ("1", "98")),
        ("Some Name @some_1 · 2h Nifty up Quote B @b · Jul 27 Old news 1 98", "Nifty up", ("1", "98")),
        ("Some Name @some_1 · 2h Up? Yes No 671 votes · 4 hours left 2 16K", "Up? Yes No", ("2", "16K")),
        ("Some Name@some_1·Aug 211.15% in 3 days", "11.15% in 3 days", None),
        ("Some Name@some_1·Aug 2#Nifty up12", "#Nifty up12", None),
        ("Some Name@some_1·10m#Nifty", "#Nifty", None),
    ],
)
def test_lines_joined_by_blanks(text: str, body: str, counts: tuple[str, ...] | None) -> None:
    found = card(text)
    assert (found.handle, found.text, found.counts) == ("some_1", body, counts)


def test_lines_joined_by_bars_with_the_last_ones_in_the_count_columns() -> None:
    found = card("· | 4h | Breakout! |  | CMP 487 |", "Watch it", "#Nifty50", "144")
    assert found.text == "Breakout!\n\nCMP 487\n\nWatch it\n#Nifty50"
    assert (found.counts, found.took_cells) == (("144",), True)
    assert card("· | 4h | Up | 1", "1", "3", "326").counts == ("1", "1", "3", "326")
    assert card("·", "2h", "Kal Nifty girega", "150").text == "Kal Nifty girega"


def test_a_quoted_card_is_cut_even_where_its_lines_fell_into_the_count_columns() -> None:
    found = card(
        "· | 32m | GoodNight |  | A B | @a_b | · | Nov 15 | FIIs added |", "more of the quote", "2", "85"
    )
    assert (found.text, found.has_quote) == ("GoodNight", True)


def test_lines_joined_by_new_lines() -> None:
    found = card("Some Name\n@some_1\n·\n2h\nNifty up\nand away\n3\n1.2K")
    assert (found.name, found.handle, found.text) == ("Some Name", "some_1", "Nifty up\nand away")
    assert found.counts == ("3", "1.2K")


@pytest.mark.parametrize("text", ["Ad | Buy this | From shop.com", "Shop\n@shop\nAd\nBuy this"])
def test_adverts(text: str) -> None:
    assert card(text).is_promoted


def test_a_poll_leaves_its_clock_behind() -> None:
    found = card("· | 4h | Close? | Up | Down | 38 votes | · | 19 hours left", "1", "2", "188")
    assert found.text == "Close?\nUp\nDown"


@pytest.mark.parametrize(
    "text", ["", "Nifty up", "Nifty · Sensex @ 2h", "#Nifty\n\n· point one\n· point two", "Ads | x"]
)
def test_plain_posts_are_no_cards(text: str) -> None:
    assert read_card(text, (), AT) is None


@given(
    st.text(),
    st.lists(st.text(), max_size=3),
    st.sampled_from(["", "· | ", "Ad | ", "A @b · Aug 2", "A\n@b\n·\n"]),
)
def test_any_text_is_read_without_error(text: str, cells: list[str], start: str) -> None:
    found = read_card(start + text, cells, AT)
    assert found is None or isinstance(found.text, str)
