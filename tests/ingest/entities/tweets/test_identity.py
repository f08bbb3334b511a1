"""Post ids, handles and derived ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.entities.tweets.identity import derived_id, read_handle, read_tweet_id, time_of_id

AT = datetime(2025, 8, 3, 22, 30, tzinfo=UTC)


def test_the_id_carries_the_time() -> None:
    assert time_of_id("1962159159849414952") == datetime(2025, 8, 31, 14, 22, 53, 519_000, tzinfo=UTC)
    assert time_of_id("20") is None  # the first posts were numbered one by one


@given(
    st.datetimes(datetime(2011, 1, 1), datetime(2079, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 2**22 - 1),
)
def test_the_time_is_exact_to_the_millisecond(at: datetime, worker: int) -> None:
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    milliseconds = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) - 1288834974657
    assert time_of_id(str((milliseconds << 22) + worker)) == at


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (1962159159849414952, ("1962159159849414952", False)),
        (" 1962159159849414952 ", ("1962159159849414952", False)),
        ("https://x.com/a_b/status/1962159159849414952?s=20", ("1962159159849414952", False)),
        ("https://twitter.com/a/statuses/20", ("20", False)),
        ("'1962159159849414952", ("1962159159849414952", False)),
        ("tweet-1962159159849414952", ("1962159159849414952", False)),
        (12345.0, ("12345", False)),
        (1962159159849414952.0, ("1962159159849415000", True)),
        ("1.962159159849415e+18", ("1962159159849415000", True)),
        ("1962159159849414952.0", ("1962159159849414952", True)),
        ("1.96216E+18", None),
        *(
            (bad, None)
            for bad in ("", "abc", "12 34", 0, -5, 2**63, "9" * 19, True, None, 1.5, [], "https://x.com/a")
        ),
    ],
)
def test_ids(value: object, read: tuple[str, bool] | None) -> None:
    found = read_tweet_id(value)
    if isinstance(value, float) and read and read[1]:
        # The float's own digits: only that they were lost, and the time, are certain.
        assert found is not None
        assert found[1]
        assert time_of_id(found[0]) == time_of_id("1962159159849414952")
    else:
        assert found == read


@pytest.mark.parametrize(
    ("value", "handle"),
    [
        ("name", "name"),
        ("@Name_1", "Name_1"),
        ("/sgaonkar", "sgaonkar"),
        ("https://x.com/name", "name"),
        ("https://twitter.com/name/status/12", "name"),
        *(
            (bad, None)
            for bad in ("Wealth Trading", "", "a" * 16, "नाम", "a.b", None, 5, "https://example.com/name")
        ),
    ],
)
def test_handles(value: object, handle: str | None) -> None:
    assert read_handle(value) == handle


def test_a_derived_id_is_stable() -> None:
    # Written down: a change of the recipe would split every post of old captures in two.
    assert derived_id("BMS_MONEY", None, AT, "Value Mutual Funds 1Y") == "ha25328056064c2da8cef172c"


@pytest.mark.parametrize(
    "text",
    [
        "nifty UP 200 at 25,000",
        "Nifty  up 200\nat 25000!",
        "Nifty up 200 https://t.co/abc at 25000",
        "@friend Nifty up 200 at 25000 https:// t.me/x",
        "𝐍𝐢𝐟𝐭𝐲 up 200 at 25000",
    ],
)
def test_what_scrapers_disagree_on_does_not_matter(text: str) -> None:
    plain = derived_id("name", None, AT, "Nifty up 200 at 25000")
    assert derived_id("NAME", "Some Display", AT.replace(microsecond=5_000), text) == plain


def test_what_makes_another_post() -> None:
    text = "x" * 64
    same = derived_id("a", None, AT, text)
    assert derived_id("a", None, AT, text + "more") == same
    assert derived_id("b", None, AT, text) != same
    assert derived_id("a", None, AT + timedelta(seconds=1), text) != same
    assert derived_id("a", None, AT, "y" + text) != same
    assert derived_id(None, "a", AT, text) == same


def test_without_a_time_all_letters_count() -> None:
    assert derived_id(None, None, None, "x" * 64 + "a") != derived_id(None, None, None, "x" * 64 + "b")


@pytest.mark.parametrize(
    ("handle", "at", "text"),
    [(None, None, None), (None, AT, "😀"), ("a", None, "https://t.co/x"), (None, None, "@a")],
)
def test_too_little_to_tell_posts_apart(handle: str | None, at: datetime | None, text: str | None) -> None:
    assert derived_id(handle, None, at, text) is None
    assert derived_id("a", None, AT, text) is not None
