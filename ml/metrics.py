"""Yardsticks: F1 and its relatives, calibration, and intervals for both by a bootstrap of groups.

Every score is a function of counts that add up over examples: `confusions` and `instrument_counts` count
each example, a metric turns summed counts [..., shape] into a number [...]. So a bootstrap draw is a matrix
product, never another look at the examples. Examples of a group (near copies, one author) are drawn together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Floats = NDArray[np.float64]

_CONFIDENCE = 0.95
_Z = 1.959963984540054
_DRAWS_AT_ONCE = 10
_EDGE = 1e-6
_MAX_STEPS = 50
_LONGEST_STEP = 2.0
_SETTLED = 1e-6
_SINGULAR = 1e-12
_MIN_FITTED = 0.95


class Interval(NamedTuple):
    """A figure with its 95 % interval."""

    estimate: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether the interval holds a value; a missing interval (NaN) holds none."""
        return self.low <= value <= self.high


# ---- Counts ---------------------------------------------------------------------------------------


def confusions(
    truth: NDArray[np.int8], predicted: NDArray[np.int8], labels: Sequence[int]
) -> NDArray[np.int64]:
    """Confusion counts [n, k, k + 1] of n examples over k labels: truth by prediction.

    The last column is any prediction that is none of the labels: wrong for every truth, and false for no
    label. (A 0 where the truth is -1 or 1.)

    Raises:
        ValueError: a truth is none of the labels.
    """
    if not np.isin(truth, labels).all():
        raise ValueError(f"a truth is none of {', '.join(map(str, labels))}")
    is_truth = truth[:, None] == np.asarray(labels)
    is_predicted = predicted[:, None] == np.asarray(labels)
    is_predicted = np.column_stack([is_predicted, ~is_predicted.any(axis=1)])
    counts: NDArray[np.int64] = (is_truth[:, :, None] & is_predicted[:, None, :]).astype(np.int64)
    return counts


def instrument_counts(
    truth: Sequence[Collection[str]], predicted: Sequence[Collection[str]]
) -> NDArray[np.int64]:
    """Instruments per example [n, 3]: named rightly, named wrongly, missed. Each counts once an example."""
    pairs = [(set(right), set(named)) for right, named in zip(truth, predicted, strict=True)]
    counts = [(len(right & named), len(named - right), len(right - named)) for right, named in pairs]
    return np.array(counts, np.int64).reshape(-1, 3)


# ---- Metrics of counts ----------------------------------------------------------------------------


def precision(counts: NDArray[Any]) -> Floats:
    """Per label [..., k] of confusion counts [..., k, k + 1]; 0 for a label never predicted."""
    return _ratio(_hits(counts), counts[..., :-1].sum(axis=-2))


def recall(counts: NDArray[Any]) -> Floats:
    """Per label [..., k] of confusion counts [..., k, k + 1]; 0 for a label that never is the truth."""
    return _ratio(_hits(counts), counts.sum(axis=-1))


def f1(counts: NDArray[Any]) -> Floats:
    """Per label [..., k] of confusion counts [..., k, k + 1]; 0 for a label that never occurs."""
    return _ratio(2 * _hits(counts), counts[..., :-1].sum(axis=-2) + counts.sum(axis=-1))


def macro_f1(counts: NDArray[Any]) -> Floats:
    """Mean F1 of the labels [...] of confusion counts [..., k, k + 1]."""
    return np.asarray(f1(counts).mean(axis=-1))


def accuracy(counts: NDArray[Any]) -> Floats:
    """Share of right predictions [...] of confusion counts [..., k, k + 1]."""
    return _ratio(_hits(counts).sum(axis=-1), counts.sum(axis=(-2, -1)))


def micro_f1(counts: NDArray[Any]) -> Floats:
    """F1 [...] of instrument counts [..., 3]; 0 where none is right, even if there is none to name."""
    right, wrong, missed = np.moveaxis(counts, -1, 0)
    return _ratio(2 * right, 2 * right + wrong + missed)


def _hits(counts: NDArray[Any]) -> NDArray[Any]:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    ratio: Floats = np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole != 0)
    return ratio


# ---- Bootstrap ------------------------------------------------------------------------------------


def bootstrap(
    metric: Callable[[NDArray[Any]], Floats],
    counts: NDArray[np.int64],
    groups: NDArray[np.int64],
    n: int = 1000,
    seed: int = 0,
) -> Interval:
    """A metric with its 95 % percentile interval over n draws of whole groups.

    Args:
        metric: number [...] of summed counts [..., shape].
        counts: of each example [examples, shape].
        groups: of each example [examples].
        n: draws.
        seed: of the draws.
    """
    member = np.unique(groups, return_inverse=True)[1]
    by_group = np.zeros((member.max() + 1, *counts.shape[1:]))
    np.add.at(by_group, member, counts)
    flat = by_group.reshape(len(by_group), -1)
    figures = [
        metric((times @ flat).reshape(-1, *counts.shape[1:])) for times in _draws(len(by_group), n, seed)
    ]
    return _interval(float(metric(by_group.sum(axis=0))), np.concatenate(figures))


def _draws(n_groups: int, n: int, seed: int) -> Iterator[Floats]:
    """How often each group is drawn, for n draws with replacement: a few rows [draws, n_groups] at a time."""
    generator = np.random.default_rng(seed)
    even = np.full(n_groups, 1 / n_groups)
    for start in range(0, n, _DRAWS_AT_ONCE):
        yield generator.multinomial(n_groups, even, min(_DRAWS_AT_ONCE, n - start)).astype(np.float64)


def _interval(estimate: float, figures: Floats) -> Interval:
    """Percentiles of the figures that exist; no interval where too many do not."""
    fitted = figures[np.isfinite(figures)]
    if len(fitted) < _MIN_FITTED * len(figures):
        return Interval(estimate, np.nan, np.nan)
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.quantile(fitted, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high))


# ---- Calibration ----------------------------------------------------------------------------------


class Calibration(NamedTuple):
    """How far probabilities are what they say."""

    slope: Interval
    """b of the logistic recalibration y ~ a + b logit(p); 1 when calibrated, below it when too bold."""
    intercept: Interval
    """a of the same fit; 0 when calibrated."""
    in_the_large: Interval
    """a with b held at 1 (Cox); 0 when calibrated, above it when p is too low on the whole."""
    brier: float
    ece: float
    """Expected calibration error over ten quantile bins."""


def calibration(
    p: Floats,
    y: NDArray[Any],
    groups: NDArray[np.int64],
    weight: Floats | None = None,
    n: int = 1000,
    seed: int = 0,
) -> Calibration:
    """Calibration of probabilities p [examples] for outcomes y [examples] (0 or 1).

    Intervals are 95 % percentiles over n draws of whole groups; draws without a finite fit (one outcome
    only, or outcomes that p parts without fault) are left out, and if more than 5 % are, there is no
    interval (NaN). A p is taken as at least 1e-6 from 0 and 1.

    Raises:
        ValueError: the recalibration of the examples themselves has no finite fit.
    """
    x = logit(np.clip(p, _EDGE, 1 - _EDGE))
    y = y.astype(np.float64)
    weight = np.ones(len(x)) if weight is None else weight
    joint = _recalibrate(x, y, weight[None], (0.0, 0.0), with_slope=True)
    offset = _recalibrate(x, y, weight[None], (0.0, 1.0), with_slope=False)
    (intercept, slope), in_the_large = (float(each[0]) for each in joint), float(offset[0][0])
    if not np.isfinite([intercept, slope, in_the_large]).all():
        raise ValueError("no recalibration: one outcome only, one p only, or p parts the outcomes")
    member = np.unique(groups, return_inverse=True)[1]
    drawn: list[tuple[Floats, Floats, Floats]] = []
    for times in _draws(member.max() + 1, n, seed):
        weights = times[:, member] * weight
        drawn.append(
            (
                *_recalibrate(x, y, weights, (intercept, slope), with_slope=True),
                _recalibrate(x, y, weights, (in_the_large, 1.0), with_slope=False)[0],
            )
        )
    intercepts, slopes, in_the_larges = map(np.concatenate, zip(*drawn, strict=True))
    return Calibration(
        slope=_interval(slope, slopes),
        intercept=_interval(intercept, intercepts),
        in_the_large=_interval(in_the_large, in_the_larges),
        brier=brier(p, y, weight),
        ece=ece(p, y, weight),
    )


def _recalibrate(
    x: Floats, y: Floats, weights: Floats, start: tuple[float, float], *, with_slope: bool
) -> tuple[Floats, Floats]:
    """a and b [draws] of y ~ a + b x by Newton's method, one fit per row of weights [draws, examples].

    Without a slope, b stays where it starts. NaN where a fit does not converge.
    """
    a, b = (np.full(len(weights), value) for value in start)
    last_a, last_b = np.zeros(len(weights)), np.zeros(len(weights))
    radius = np.full(len(weights), _LONGEST_STEP)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(_MAX_STEPS):
            fitted = expit(a[:, None] + b[:, None] * x)
            residual = weights * (y - fitted)
            curvature = weights * fitted * (1 - fitted)
            slope_a, curve_a = residual.sum(axis=1), curvature.sum(axis=1)
            if with_slope:
                slope_b, cross, curve_b = residual @ x, curvature @ x, curvature @ (x * x)
                determinant = curve_a * curve_b - cross * cross
                determinant[determinant < _SINGULAR * curve_a * curve_b] = np.nan
                step_a = (curve_b * slope_a - cross * slope_b) / determinant
                step_b = (curve_a * slope_b - cross * slope_a) / determinant
            else:
                step_a, step_b = slope_a / curve_a, np.zeros(len(a))
            # Where p is far out, Newton's steps overshoot, back and forth: each turn shortens them.
            radius[step_a * last_a + step_b * last_b < 0] /= 2
            last_a, last_b = np.clip(step_a, -radius, radius), np.clip(step_b, -radius, radius)
            a, b = a + last_a, b + last_b
            converged = np.maximum(np.abs(step_a), np.abs(step_b)) < _SETTLED
            if (converged | np.isnan(step_a)).all():
                break
    return np.where(converged, a, np.nan), np.where(converged, b, np.nan)


class Reliability(NamedTuple):
    """Columns, one row per bin of p from low to high, with an empty bin left out."""

    share: Floats
    """Of the weight; adds up to 1."""
    n: Floats
    """Effective number of examples: the number itself where weights are equal."""
    mean_p: Floats
    rate: Floats
    """Of outcome 1."""
    low: Floats
    """Wilson's 95 % interval of the rate, for n independent examples."""
    high: Floats


def reliability(p: Floats, y: NDArray[Any], bins: int = 10, weight: Floats | None = None) -> Reliability:
    """What came of probabilities p [examples]: the rate of outcome 1 (y, 0 or 1) by quantile bins of p.

    Equal p share a bin, so there may be fewer bins than asked for.
    """
    weight = np.ones(len(p)) if weight is None else weight
    edges = np.quantile(p, np.arange(1, bins) / bins)
    member = np.unique(np.searchsorted(edges, p, side="right"), return_inverse=True)[1]
    total = np.bincount(member, weight)
    n = total**2 / np.bincount(member, weight**2)
    rate = np.bincount(member, weight * y) / total
    scale = 1 + _Z**2 / n
    centre = (rate + _Z**2 / (2 * n)) / scale
    half = _Z * np.sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2)) / scale
    return Reliability(
        share=total / total.sum(),
        n=n,
        mean_p=np.bincount(member, weight * p) / total,
        rate=rate,
        low=np.maximum(centre - half, 0),
        high=np.minimum(centre + half, 1),
    )


def brier(p: Floats, y: NDArray[Any], weight: Floats | None = None) -> float:
    """Mean squared distance of p from the outcome (0 or 1)."""
    return float(np.average((p - y) ** 2, weights=weight))


def ece(p: Floats, y: NDArray[Any], weight: Floats | None = None, bins: int = 10) -> float:
    """Expected calibration error: mean distance of a bin's rate from its mean p, over quantile bins."""
    table = reliability(p, y, bins, weight)
    return float(table.share @ np.abs(table.rate - table.mean_p))
