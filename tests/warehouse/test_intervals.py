"""Scores and intervals of the marts, recomputed by deleting one author after the other."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from scipy import stats

from config import Settings
from tests.warehouse.conftest import rows


def test_bar_scores_and_intervals_equal_a_jackknife_by_hand(demo: Settings) -> None:
    posts = rows(
        demo,
        """
        select
            time_bucket(interval '1 hour', t.posted_at, timestamptz '2000-01-03 03:45:00+00') as bar_start,
            t.author_key, s.weight / (1 + s.engagement), s.sentiment
        from validated.tweets as t inner join signals.tweet_signals as s using (tweet_id)
        """,
    )
    by_bar: dict[object, dict[object, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for bar_start, author, weight, sentiment in posts:
        by_bar[bar_start][author].append((float(str(weight)), float(str(sentiment))))

    bars = rows(
        demo,
        """
        select bar_start, n_posts, n_authors, score, ci_low, ci_high, ci_method, score_one_vote
        from marts.signal_bars where instrument = 'MARKET' and bar_interval = '1h'
        """,
    )
    assert {bar[0] for bar in bars} == set(by_bar)
    with_interval = 0
    for bar_start, n_posts, n_authors, score, low, high, method, one_vote in bars:
        authors = by_bar[bar_start]
        assert (n_posts, n_authors) == (sum(map(len, authors.values())), len(authors))
        if score is None:
            assert method == "none_sparse"
            continue
        totals = [(sum(w for w, _ in a), sum(w * x for w, x in a)) for a in authors.values()]
        heard = [(w, x / w) for w, x in totals if w > 0]
        voice = np.sqrt([w for w, _ in heard])
        mean = np.array([m for _, m in heard])
        theta = (voice @ mean) / voice.sum()
        assert score == pytest.approx(theta, abs=1e-9)
        assert one_vote == pytest.approx(mean.mean(), abs=1e-9)
        if method != "sqrt_author_jackknife_t":
            assert len(heard) < 10 or np.ptp(mean) == 0
            assert low is None
            continue
        without = np.array(
            [np.delete(voice, g) @ np.delete(mean, g) / np.delete(voice, g).sum() for g in range(len(heard))]
        )
        n = len(heard)
        half = stats.t.ppf(0.975, n - 1) * np.sqrt((n - 1) / n * ((without - theta) ** 2).sum())
        assert (low, high) == (pytest.approx(theta - half, abs=1e-6), pytest.approx(theta + half, abs=1e-6))
        with_interval += 1
    assert with_interval >= 10


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
