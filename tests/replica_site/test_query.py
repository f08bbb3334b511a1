import pytest

from tests.replica.corpus import Author, Post, hashtags_of
from tests.replica.query import first_id_at, parse

AUTHOR = Author(1, "a", "A", "", "", "", 0, 0, 0, 0, 0, False, "absent")


def _post(text: str, *, lang: str = "en", epoch_s: float = 1_790_000_000) -> Post:
    return Post(first_id_at(epoch_s) + 77, AUTHOR, text, lang, tags=hashtags_of(text))


def _finds(raw_query: str, post: Post) -> bool:
    query = parse(raw_query)
    return query.above_id < post.id < query.below_id and query.matches(post)


@pytest.mark.parametrize(
    ("raw_query", "is_found"),
    [
        ("#nifty50", True),
        ("#NIFTY50", True),
        ("#nifty", False),
        ("nifty50", True),
        ("$tcs", True),
        ("(#sensex OR #nifty50)", True),
        ("#sensex OR #nifty50", True),
        ("(#sensex OR #intraday)", False),
        ("#nifty50 breakout", True),
        ("#nifty50 breakdown", False),
        ("#sensex OR #nifty50 breakdown", False),
        ("(#sensex breakout) OR (#nifty50 breakout)", True),
        ('"big breakout"', True),
        ("-breakout", False),
        ("#nifty50 -breakdown", True),
        ("#nifty50 lang:en", True),
        ("#nifty50 lang:hi", False),
        ("#nifty50 since_time:1790000000", True),
        ("#nifty50 since_time:1790000001", False),
        ("#nifty50 until_time:1790000001", True),
        ("#nifty50 until_time:1790000000", False),
        ("since_time:1789999999 until_time:1790000001", True),
        ("#nifty50 filter:links", False),
        ("#nifty50 since_time:soon", False),
        ("#nifty50 )(", True),
    ],
)
def test_operators(raw_query: str, is_found: bool) -> None:
    assert _finds(raw_query, _post("A big breakout $TCS #Nifty50")) is is_found


def test_ids_bound_as_documented() -> None:
    post = _post("#nifty50")

    assert _finds(f"#nifty50 max_id:{post.id}", post)
    assert not _finds(f"#nifty50 max_id:{post.id - 1}", post)
    assert _finds(f"#nifty50 since_id:{post.id - 1}", post)
    assert not _finds(f"#nifty50 since_id:{post.id}", post)


def test_a_longer_tag_is_another_tag() -> None:
    assert not _finds("#nifty50", _post("watch #nifty50options and nifty50"))
    assert _finds("nifty50", _post("watch nifty50"))
    assert not _finds("#nifty50", _post("https://a.example/#nifty50"))
