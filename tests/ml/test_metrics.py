"""Yardsticks: figures by hand, scikit-learn's, and intervals that hold as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from ml.metrics import (
    accuracy,
    bootstrap,
    brier,
    calibration,
    confusions,
    ece,
    f1,
    instrument_counts,
    macro_f1,
    micro_f1,
    precision,
    recall,
    reliability,
)

LABEL = st.sampled_from([-1, 0, 1])


def column(*values: int) -> np.ndarray:
    return np.array(values, np.int8)


def test_figures_by_hand() -> None:
    counts = confusions(column(-1, -1, 0, 1, 1, 1), column(-1, 0, 0, 1, 1, 0), (-1, 0, 1)).sum(axis=0)
    assert counts.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 1, 2, 0]]
    assert precision(counts) == pytest.approx([1, 1 / 3, 1])
    assert recall(counts) == pytest.approx([1 / 2, 1, 2 / 3])
    assert f1(counts) == pytest.approx([2 / 3, 1 / 2, 4 / 5])
    assert macro_f1(counts) == pytest.approx((2 / 3 + 1 / 2 + 4 / 5) / 3)
    assert accuracy(counts) == pytest.approx(4 / 6)


def test_a_prediction_outside_the_labels_is_wrong() -> None:
    counts = confusions(column(-1, 1, 1), column(0, 0, 1), (-1, 1)).sum(axis=0)
    assert counts.tolist() == [[0, 0, 1], [0, 1, 1]]
    assert f1(counts) == pytest.approx([0, 2 / 3])
    assert accuracy(counts) == pytest.approx(1 / 3)


def test_a_truth_outside_the_labels_is_an_error() -> None:
    with pytest.raises(ValueError, match="a truth is none of -1, 1"):
        confusions(column(0), column(1), (-1, 1))


@settings(deadline=None)
@given(st.lists(st.tuples(LABEL, LABEL), min_size=1, max_size=40), st.sampled_from([(-1, 0, 1), (-1, 1)]))
def test_agrees_with_scikit_learn(pairs: list[tuple[int, int]], labels: tuple[int, ...]) -> None:
    pairs = [pair for pair in pairs if pair[0] in labels] or [(1, 1)]
    truth, predicted = (np.array(values, np.int8) for values in zip(*pairs, strict=True))
    counts = confusions(truth, predicted, labels).sum(axis=0)
    expected = f1_score(truth, predicted, labels=labels, average="macro", zero_division=0)
    assert macro_f1(counts) == pytest.approx(expected)
    each = precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    for ours, theirs in zip((precision, recall, f1), each, strict=False):
        assert ours(counts) == pytest.approx(theirs)
    assert accuracy(counts) == pytest.approx(accuracy_score(truth, predicted))


def test_instruments_by_hand() -> None:
    truth = [("A", "B"), (), ("C",), ("D",)]
    predicted = [["B", "A", "X"], [], ["Y"], ["D", "D"]]
    counts = instrument_counts(truth, predicted)
    assert counts.tolist() == [[2, 1, 0], [0, 0, 0], [0, 1, 1], [1, 0, 0]]
    assert micro_f1(counts.sum(axis=0)) == pytest.approx(2 * 3 / (2 * 3 + 2 + 1))
    assert micro_f1(instrument_counts([()], [()]).sum(axis=0)) == 0


# ---- Bootstrap ------------------------------------------------------------------------------------


def noisy(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.integers(-1, 2, n).astype(np.int8)
    return truth, np.where(generator.random(n) < 0.7, truth, 0).astype(np.int8)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000))
def test_an_interval_holds_its_point(seed: int) -> None:
    truth, predicted = noisy(400, seed)
    interval = bootstrap(macro_f1, confusions(truth, predicted, (-1, 0, 1)), np.arange(400), n=100, seed=seed)
    assert interval.low < interval.estimate < interval.high
    assert interval.estimate == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert interval.high - interval.low < 0.2


def test_a_draw_is_the_metric_of_its_groups() -> None:
    """The same draws, made with the examples themselves."""
    truth, predicted = noisy(60, 3)
    groups = np.arange(60) // 4 * 7
    drawn = np.random.default_rng(5).multinomial(15, np.full(15, 1 / 15), 40)
    figures = []
    for times in drawn:
        rows = np.repeat(np.arange(60), times[groups // 7])
        figures.append(f1_score(truth[rows], predicted[rows], average="macro", labels=[-1, 0, 1]))
    interval = bootstrap(macro_f1, confusions(truth, predicted, (-1, 0, 1)), groups, n=40, seed=5)
    assert [interval.low, interval.high] == pytest.approx(np.quantile(figures, [0.025, 0.975]))


def test_groups_widen_an_interval() -> None:
    truth, predicted = noisy(100, 1)
    truth, predicted = np.repeat(truth, 9), np.repeat(predicted, 9)
    counts = confusions(truth, predicted, (-1, 0, 1))
    alone, together = (
        bootstrap(accuracy, counts, np.arange(900)),
        bootstrap(accuracy, counts, np.arange(900) // 9),
    )
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(3, rel=0.15)


def test_intervals_cover_the_truth() -> None:
    """Accuracy 0.7 in truth, groups of 1 to 5 that are right or wrong together."""
    generator = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        groups = np.repeat(np.arange(120), generator.integers(1, 6, 120))
        right = (generator.random(120) < 0.7)[groups]
        counts = confusions(np.ones(len(groups), np.int8), right.astype(np.int8), (0, 1))
        held += bootstrap(accuracy, counts, groups, n=200, seed=trial).holds(0.7)
    assert 0.90 <= held / 200 <= 0.985


# ---- Calibration ----------------------------------------------------------------------------------


def outcomes(n: int, slope: float, intercept: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """p whose recalibration truly has this slope and intercept, and the outcomes."""
    generator = np.random.default_rng(seed)
    p = generator.beta(2, 3, n)
    return p, (generator.random(n) < expit(intercept + slope * logit(p))).astype(np.int8)


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (0.6, 0), (1, 0.5), (1.5, -0.5)])
def test_finds_slope_and_intercept(slope: float, intercept: float) -> None:
    p, y = outcomes(4000, slope, intercept, seed=1)
    found = calibration(p, y, np.arange(4000), n=200)
    assert found.slope.holds(slope)
    assert found.intercept.holds(intercept)
    assert found.slope.holds(1) == (slope == 1)
    assert found.intercept.holds(0) == (intercept == 0)
    if slope == 1:
        assert found.in_the_large.holds(intercept)
    assert found.slope.high - found.slope.low < 0.3


def test_calibration_intervals_cover_the_truth() -> None:
    held = np.zeros(3)
    for trial in range(100):
        p, y = outcomes(150, 1, 0, seed=trial)
        p, y = np.repeat(p, 2), np.repeat(y, 2)
        found = calibration(p, y, np.arange(300) // 2, n=100, seed=trial)
        held += [found.slope.holds(1), found.intercept.holds(0), found.in_the_large.holds(0)]
    assert (held >= 88).all()
    assert (held < 100).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_recalibration_agrees_with_scikit_learn(seed: int) -> None:
    p, y = outcomes(300, 0.8, 0.2, seed)
    weight = np.random.default_rng(seed).random(300)
    found = calibration(p, y, np.arange(300), weight, n=1)
    fit = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(p)[:, None], y, weight)
    assert found.slope.estimate == pytest.approx(fit.coef_[0, 0], abs=1e-4)
    assert found.intercept.estimate == pytest.approx(fit.intercept_[0], abs=1e-4)
    # Cox's intercept is where the weighted mean of p meets the rate.
    shifted = expit(logit(p) + found.in_the_large.estimate)
    assert np.average(shifted, weights=weight) == pytest.approx(np.average(y, weights=weight), abs=1e-6)


def test_copies_in_a_group_tell_nothing_new() -> None:
    p, y = outcomes(200, 1, 0)
    once = calibration(p, y, np.arange(200), n=100)
    thrice = calibration(np.repeat(p, 3), np.repeat(y, 3), np.repeat(np.arange(200), 3), n=100)
    assert thrice.slope == pytest.approx(once.slope)
    assert thrice.in_the_large == pytest.approx(once.in_the_large)


def test_a_weight_is_a_count() -> None:
    p, y = outcomes(200, 1, 0)
    weight = np.random.default_rng(1).integers(1, 4, 200)
    weighted = calibration(p, y, np.arange(200), weight.astype(np.float64), n=50)
    rows = np.repeat(np.arange(200), weight)
    repeated = calibration(p[rows], y[rows], rows, n=50)
    assert weighted.slope == pytest.approx(repeated.slope)
    assert weighted.brier == pytest.approx(repeated.brier)


@pytest.mark.parametrize(
    ("p", "y"),
    [([0.2, 0.4, 0.6], [1, 1, 1]), ([0.3, 0.3, 0.3], [0, 1, 1]), ([0.2, 0.4, 0.6, 0.8], [0, 0, 1, 1])],
)
def test_no_finite_fit_is_an_error(p: list[float], y: list[int]) -> None:
    with pytest.raises(ValueError, match="no recalibration"):
        calibration(np.array(p), np.array(y), np.arange(len(p)))


def test_too_few_fits_give_no_interval() -> None:
    """With one outcome 0 among eight, a third of the draws have none."""
    p, y = np.linspace(0.2, 0.9, 8), np.array([1, 1, 1, 0, 1, 1, 1, 1])
    found = calibration(p, y, np.arange(8), n=100)
    assert np.isfinite(found.slope.estimate)
    assert np.isnan([found.slope.low, found.slope.high]).all()
    assert not found.slope.holds(found.slope.estimate)


def test_far_out_probabilities_have_a_fit() -> None:
    """p of 0 and 1 count as near them. Three of four are right: a + 13.8 b = ln 3, a - 13.8 b = -ln 3."""
    p, y = np.repeat([0.0, 1.0], 4), np.array([0, 0, 0, 1, 0, 1, 1, 1])
    found = calibration(p, y, np.arange(8), n=1)
    assert found.intercept.estimate == pytest.approx(0, abs=1e-6)
    assert found.slope.estimate == pytest.approx(np.log(3) / logit(1 - 1e-6))
    assert found.in_the_large.estimate == pytest.approx(0, abs=1e-6)


def test_draws_with_far_out_probabilities_have_fits() -> None:
    """Their slopes are far from the examples', so that plain Newton steps go back and forth."""
    p, y = outcomes(20, 1, 0, seed=1)
    p, y = np.r_[p, [1e-6] * 5, [1 - 1e-6] * 5], np.r_[y, [0] * 5, [1] * 5]
    assert np.isfinite(calibration(p, y, np.arange(30), n=100).slope).all()


def test_draws_are_fitted_as_the_examples_are() -> None:
    """The same draws, made with the examples themselves."""
    p, y = outcomes(120, 0.5, 0.5)
    drawn = np.random.default_rng(2).multinomial(60, np.full(60, 1 / 60), 20)
    rows = [np.repeat(np.arange(120), np.repeat(times, 2)) for times in drawn]
    each = [calibration(p[row], y[row], row, n=1) for row in rows]
    found = calibration(p, y, np.arange(120) // 2, n=20, seed=2)
    for name in ("slope", "intercept", "in_the_large"):
        interval = getattr(found, name)
        expected = np.quantile([getattr(one, name).estimate for one in each], [0.025, 0.975])
        assert [interval.low, interval.high] == pytest.approx(expected, abs=1e-5)


def test_reliability_by_hand() -> None:
    p = np.array([0.1, 0.1, 0.2, 0.2, 0.7, 0.7, 0.9, 0.9])
    y = np.array([0, 0, 0, 1, 1, 0, 1, 1])
    table = reliability(p, y, bins=2)
    assert table.share.tolist() == [0.5, 0.5]
    assert table.n.tolist() == [4, 4]
    assert table.mean_p == pytest.approx([0.15, 0.8])
    assert table.rate == pytest.approx([0.25, 0.75])
    # Wilson for 1 of 4, from the textbook formula's published values.
    assert (table.low[0], table.high[0]) == pytest.approx((0.0456, 0.6994), abs=5e-5)
    assert (table.low[1], table.high[1]) == pytest.approx((0.3006, 0.9544), abs=5e-5)
    assert reliability(np.array([0.5, 0.5]), np.array([0, 1]), 1, np.array([1.0, 3.0])).n == pytest.approx(
        1.6
    )
    assert ece(p, y, bins=2) == pytest.approx((0.1 + 0.05) / 2)
    assert brier(p, y) == pytest.approx((0.01 * 2 + 0.04 + 0.64 + 0.09 + 0.49 + 0.01 * 2) / 8)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.floats(0.1, 9)), min_size=1, max_size=50),
    st.integers(1, 12),
)
def test_reliability_accounts_for_all(rows: list[tuple[float, bool, float]], bins: int) -> None:
    p, y, weight = (np.array(values, np.float64) for values in zip(*rows, strict=True))
    table = reliability(p, y, bins, weight)
    assert 1 <= len(table.n) <= bins
    assert table.share.sum() == pytest.approx(1)
    assert table.share @ table.mean_p == pytest.approx(np.average(p, weights=weight))
    assert table.share @ table.rate == pytest.approx(np.average(y, weights=weight))
    assert (np.diff(table.mean_p) > 0).all()
    assert (table.low <= table.rate + 1e-9).all()
    assert (table.rate - 1e-9 <= table.high).all()
    assert ((table.low >= 0) & (table.high <= 1)).all()
    assert 0 <= ece(p, y, weight, bins) <= 1
