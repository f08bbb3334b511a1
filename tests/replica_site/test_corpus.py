import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.replica.corpus import (
    COUNT_NAMES,
    FULL_TEXT_LIMIT,
    TARGET_TAGS,
    Corpus,
    Post,
    hashtags_of,
)
from tests.replica_site.client import NOW

POSTS = 3000


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus(seed=5, posts=POSTS, hours=24.0, now=NOW)


def _targets(corpus: Corpus) -> list[Post]:
    return [post for post in corpus.by_id.values() if not post.tags.isdisjoint(TARGET_TAGS)]


def test_same_arguments_give_the_same_corpus(corpus: Corpus) -> None:
    again = Corpus(seed=5, posts=POSTS, hours=24.0, now=NOW)
    other = Corpus(seed=6, posts=POSTS, hours=24.0, now=NOW)

    assert again.by_id == corpus.by_id
    assert again.nested_only == corpus.nested_only
    assert other.by_id.keys().isdisjoint(corpus.by_id)


def test_posts_lie_in_the_last_hours_with_some_older(corpus: Corpus) -> None:
    ages_h = [(NOW * 1000 - post.posted_ms) / 3_600_000 for post in _targets(corpus)]

    recent = sum(age < 24 for age in ages_h)
    assert recent == POSTS
    assert len(ages_h) - recent == POSTS * 3 // 100
    assert min(ages_h) > 0
    assert 24 < max(ages_h) < 36.01


def _is_in_session(post: Post) -> bool:
    moment = datetime.fromtimestamp(post.posted_ms / 1000, UTC) + timedelta(hours=5, minutes=30)
    return (9, 15) <= (moment.hour, moment.minute) < (15, 30)


def test_ids_and_times_agree_and_the_cash_session_is_densest(corpus: Corpus) -> None:
    in_session = sum(_is_in_session(post) for post in _targets(corpus))
    outside = len(_targets(corpus)) - in_session

    assert in_session / 375 > 4 * outside / (1440 - 375)


def test_handles_are_unique_and_well_formed(corpus: Corpus) -> None:
    handles = [author.screen_name for author in corpus.authors]

    assert len(set(handles)) == len(handles)
    assert all(re.fullmatch(r"\w{4,15}", handle) for handle in handles)


def test_bursts_share_a_second(corpus: Corpus) -> None:
    seconds = Counter(post.posted_ms // 1000 for post in corpus.by_id.values())

    assert 5 <= max(seconds.values()) <= 20


def test_every_kind_of_post_occurs_at_its_rate(corpus: Corpus) -> None:
    posts = _targets(corpus)

    def share(kind: list[bool]) -> float:
        return sum(kind) / len(posts)

    assert 0.05 < share([post.retweet_of is not None for post in posts]) < 0.11
    assert 0.05 < share([post.quote_of is not None for post in posts]) < 0.11
    assert (
        0.03 < share([post.retweet_of is None and len(post.text) > FULL_TEXT_LIMIT for post in posts]) < 0.09
    )
    assert 0.01 < share([bool(post.edit_ids) for post in posts]) < 0.04
    assert 0.015 < share([bool(post.visibility) for post in posts]) < 0.05
    assert {post.lang for post in posts} >= {"en", "hi", "in", "und"}
    for mark in ("&", "<", "🚀", "$RELIANCE", "https://t.co/", "बाजार", "#Nifty50", "#NIFTY50", "Bhai"):
        assert any(mark in post.text for post in posts), mark
    assert {len(post.tags & set(TARGET_TAGS)) for post in posts} >= {1, 2, 3, 4}


def test_some_posts_match_no_target_and_look_close(corpus: Corpus) -> None:
    others = [post for post in corpus.by_id.values() if post.tags.isdisjoint(TARGET_TAGS)]

    assert len(others) >= POSTS // 25
    assert any("nifty50options" in post.tags for post in others)
    assert any("nifty50" in post.text.split() for post in others)
    assert all(hashtags_of(post.text) == post.tags for post in others)


def test_nested_posts_are_old_and_never_in_the_corpus(corpus: Corpus) -> None:
    nested = [
        original
        for post in corpus.by_id.values()
        if (original := post.retweet_of or post.quote_of) is not None
    ]

    assert corpus.nested_only.isdisjoint(corpus.by_id)
    assert {post.id for post in nested} <= corpus.nested_only
    assert all(post.posted_ms < (NOW - 36 * 3600) * 1000 for post in nested)


def test_counts_only_rise_and_only_by_growing(corpus: Corpus) -> None:
    grown = Corpus(seed=5, posts=300, hours=24.0, now=NOW)
    before = {post.id: dict(post.counts) for post in grown.by_id.values()}
    grown.grow(1)

    after = {post.id: post.counts for post in grown.by_id.values()}
    assert all(after[post_id][name] >= before[post_id][name] for post_id in before for name in COUNT_NAMES)
    assert sum(after[post_id] != before[post_id] for post_id in before) > 100
    assert grown.first_counts == before
