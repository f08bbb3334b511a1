"""Scores and intervals of the marts, recomputed by deleting one voice, or author, after the other."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from scipy import stats

from config import Settings
from tests.warehouse.conftest import rows

Spoken = dict[object, list[tuple[float, float]]]
"""Weight and sentiment of each post, by who speaks."""


def said(speakers: Spoken) -> tuple[np.ndarray, np.ndarray]:
    """Total weight and weighted mean sentiment of each speaker of any weight."""
    posts = [np.array(own) for own in speakers.values()]
    heard = [
        (own[:, 0].sum(), own[:, 0] @ own[:, 1] / own[:, 0].sum()) for own in posts if own[:, 0].sum() > 0
    ]
    total, mean = np.array(heard).T
    return total, mean


def test_bar_scores_and_intervals_equal_a_jackknife_by_hand(demo: Settings) -> None:
    posts = rows(
        demo,
        """
        select
            time_bucket(interval '1 hour', t.posted_at, timestamptz '2000-01-03 03:45:00+00') as bar_start,
            t.author_key, b.voice_key, b.weight, s.sentiment
        from validated.tweets as t
        inner join signals.tweet_signals as s using (tweet_id)
        inner join signals.tweet_bars as b on t.tweet_id = b.tweet_id and b.bar_interval = '1h'
        """,
    )
    by_author: dict[object, Spoken] = defaultdict(lambda: defaultdict(list))
    by_voice: dict[object, Spoken] = defaultdict(lambda: defaultdict(list))
    for bar_start, author, voice_key, weight, sentiment in posts:
        by_author[bar_start][author].append((float(str(weight)), float(str(sentiment))))
        by_voice[bar_start][voice_key].append((float(str(weight)), float(str(sentiment))))

    bars = rows(
        demo,
        """
        select bar_start, n_posts, n_authors, score, ci_low, ci_high, ci_method, score_one_vote
        from marts.signal_bars where instrument = 'MARKET' and bar_interval = '1h'
        """,
    )
    assert {bar[0] for bar in bars} == set(by_author)
    with_interval = with_campaign = 0
    for bar_start, n_posts, n_authors, score, low, high, method, one_vote in bars:
        authors, voices = by_author[bar_start], by_voice[bar_start]
        with_campaign += len(voices) < len(authors)
        assert (n_posts, n_authors) == (sum(map(len, authors.values())), len(authors))
        if score is None:
            assert method == "none_sparse"
            continue
        (_, one_author), (total, mean) = said(authors), said(voices)
        voice = np.sqrt(total)
        theta = (voice @ mean) / voice.sum()
        assert score == pytest.approx(theta, abs=1e-9)
        assert one_vote == pytest.approx(one_author.mean(), abs=1e-9)
        effective = voice.sum() ** 2 / (voice**2).sum()
        if method != "sqrt_voice_jackknife_t":
            assert len(mean) < 10 or effective < 5 or np.ptp(mean) == 0
            assert low is None
            continue
        without = np.array(
            [np.delete(voice, g) @ np.delete(mean, g) / np.delete(voice, g).sum() for g in range(len(mean))]
        )
        half = stats.t.ppf(0.975, round(effective - 1)) * np.sqrt(((without - theta) ** 2).sum())
        assert (low, high) == (pytest.approx(theta - half, abs=1e-6), pytest.approx(theta + half, abs=1e-6))
        with_interval += 1
    assert with_interval >= 10
    assert with_campaign >= 3


def test_the_summarys_interval_equals_a_jackknife_by_hand(demo: Settings) -> None:
    posts = rows(
        demo,
        """
        select t.author_key, s.composite
        from validated.tweets as t inner join signals.tweet_signals as s using (tweet_id)
        """,
    )
    authors = np.array([str(author) for author, _ in posts])
    composite = np.array([float(str(value)) for _, value in posts])
    ((mean, low, high, spread_low),) = rows(
        demo,
        """
        select mean_composite, mean_ci_low, mean_ci_high, spread_low
        from marts.signal_summary where window_name = 'all'
        """,
    )
    assert mean == pytest.approx(composite.mean(), abs=1e-9)
    assert spread_low == pytest.approx(composite.mean() - 1.96 * composite.std(ddof=1), abs=1e-9)
    names = np.unique(authors)
    without = np.array([composite[authors != name].mean() for name in names])
    n = len(names)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    assert (low, high) == (pytest.approx(mean - half, abs=1e-6), pytest.approx(mean + half, abs=1e-6))
