"""How good the text signals are, beside what else there is: `make eval`.

Every figure is of texts that the model which scored them had not seen: cross-validated in folds that part
no near copies and no author's posts; for a set left out whole, by the other sets alone. Sets that are for
evaluation only are scored by a model of all training sets. Intervals are 95 % bootstraps over groups.

A set with labels +1 and -1 alone is scored by the sign of `sentiment`, with 0 as up; the same is done for
the rule tools.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ml import baselines, instruments, metrics, trade_calls
from ml.labelled import NO_LABEL, OWN, SETS, Examples, folds, small_talk, take
from ml.metrics import Interval
from ml.model import CLASSES, Judgement
from ml.text import normalise
from ml.tokens import tokenise
from ml.train import REGISTER_OF, fit

FOLDS = 10
_INDIA = ("india_stance", OWN)

# Of the plot: as the pictures of `charts` have them, which this layer does not import.
_BLUE, _INK, _MUTED = "#0072B2", "#222222", "#666666"
_FIFTHS = (0, 0.2, 0.4, 0.6, 0.8, 1)


class _Task(NamedTuple):
    name: str
    taught: NDArray[np.bool_]
    judged: NDArray[np.bool_]


def _judge(task: _Task, examples: Examples) -> tuple[str, NDArray[np.bool_], Judgement]:
    # Small talk is of the Indian register: where that is left out, so is it.
    knows_india = np.isin(examples.dataset[task.taught].astype(str), _INDIA).any()
    model = fit(take(examples, task.taught), small_talk() if knows_india else ())
    texts = [normalise(text) for text in examples.text[task.judged]]
    return task.name, task.judged, model.judge(tokenise(pa.array(texts, pa.string())))[0]


def _tasks(examples: Examples) -> Iterator[_Task]:
    """Fits to make: one per fold; one without each set and what is like its texts; one of everything."""
    dataset = examples.dataset.astype(str)
    trains = np.isin(dataset, list(REGISTER_OF))
    fold = np.full(len(dataset), -1)
    fold[trains] = folds(examples.group[trains], FOLDS)
    for number in range(FOLDS):
        yield _Task("cross-validated", trains & (fold != number), fold == number)
    for name in REGISTER_OF:
        if name == OWN:
            continue
        held = np.isin(dataset, _INDIA) if name in _INDIA else dataset == name
        alike = np.isin(examples.group, examples.group[held])
        yield _Task("left out", trains & ~alike, held & ~np.isin(dataset, [OWN]))
    yield _Task("evaluation only", trains, ~trains & (examples.label != NO_LABEL))


def predictions(examples: Examples, report: Callable[[int, int], None]) -> dict[str, Judgement]:
    """Judgements of all examples by way of testing; NaN or 0 where a way has none.

    Args:
        examples: all sets.
        report: is told how many fits are done, of how many.
    """
    n = len(examples.text)
    found: dict[str, Judgement] = {}
    tasks = list(_tasks(examples))
    with ProcessPoolExecutor(max(1, min(2, os.cpu_count() or 1))) as pool:
        waiting = [pool.submit(_judge, task, examples) for task in tasks]
        for done, future in enumerate(waiting, 1):
            name, judged, judgement = future.result()
            if name not in found:
                found[name] = Judgement._make(
                    np.full(n, np.nan) if column.dtype.kind == "f" else np.zeros(n, column.dtype)
                    for column in judgement
                )
            for column, field in enumerate(Judgement._fields):
                found[name][column][judged] = getattr(judgement, field)
            report(done, len(tasks))
    return found


def _signs(scores: NDArray[np.float64]) -> NDArray[np.int8]:
    return np.where(scores >= 0, 1, -1).astype(np.int8)


def _macro_f1(examples: Examples, rows: NDArray[np.bool_], labels: NDArray[np.int8], name: str) -> Interval:
    counts = metrics.confusions(examples.label[rows], labels, SETS[name].labels)
    return metrics.bootstrap(metrics.macro_f1, counts, examples.group[rows])


def _stance(examples: Examples, found: dict[str, Judgement]) -> dict[str, dict[str, Interval]]:
    """Macro-F1 by set and by model."""
    figures: dict[str, dict[str, Interval]] = {}
    for name, about in SETS.items():
        rows = (examples.dataset.astype(str) == name) & (examples.label != NO_LABEL)
        if not rows.any():
            continue
        texts = examples.text[rows].tolist()
        rules = {
            "keyword list": baselines.keyword_list(texts),
            "VADER": baselines.vader(texts),
            "TextBlob": baselines.textblob(texts),
            "Loughran-McDonald": baselines.loughran_mcdonald(texts),
        }
        ours = {
            way: (judgement.sentiment[rows], judgement.label[rows])
            for way, judgement in found.items()
            if np.isfinite(judgement.sentiment[rows]).all()
        }
        if name in REGISTER_OF:
            labels, fold = examples.label[rows], folds(examples.group[rows], FOLDS)
            learned = np.zeros(len(labels), np.int8)
            for number in range(FOLDS):
                held = fold == number
                learned[held] = baselines.tfidf_logistic(
                    [text for text, out in zip(texts, held, strict=True) if not out],
                    labels[~held],
                    [text for text, out in zip(texts, held, strict=True) if out],
                ).label
            rules["TF-IDF + logistic, own set"] = baselines.Judged(learned, learned.astype(np.float64))
        scored = ours | {tool: (judged.score, judged.label) for tool, judged in rules.items()}
        figures[name] = {
            way: _macro_f1(examples, rows, labels if 0 in about.labels else _signs(scores), name)
            for way, (scores, labels) in scored.items()
        }
    return figures


def _others(examples: Examples, judged: Judgement) -> dict[str, dict[str, Interval]]:
    """Promotion, class and instruments on the Indian sets."""
    figures: dict[str, dict[str, Interval]] = {}
    for name in _INDIA:
        of_set = examples.dataset.astype(str) == name
        if not of_set.any():
            continue
        rows = of_set & (examples.promo != NO_LABEL)
        counts = metrics.confusions(examples.promo[rows], judged.p_promo[rows] >= 0.5, (0, 1))
        figures[name] = {
            "promotion F1": metrics.bootstrap(lambda c: metrics.f1(c)[..., 1], counts, examples.group[rows])
        }
        rows = of_set & np.array([bool(kind) for kind in examples.kind])
        kinds = np.array([CLASSES.index(kind) for kind in examples.kind[rows]])
        counts = metrics.confusions(kinds, judged.content_class[rows], range(len(CLASSES)))
        figures[name]["class accuracy"] = metrics.bootstrap(metrics.accuracy, counts, examples.group[rows])
        rows = of_set & np.array([each is not None for each in examples.instruments])
        texts = pa.array([normalise(text) for text in examples.text[rows]], pa.string())
        counts = metrics.instrument_counts(
            examples.instruments[rows].tolist(), instruments.match_array(texts).to_pylist()
        )
        figures[name]["instruments F1"] = metrics.bootstrap(metrics.micro_f1, counts, examples.group[rows])
    return figures


class _Chances(NamedTuple):
    p: NDArray[np.float64]
    y: NDArray[np.bool_]
    group: NDArray[np.int64]
    weight: NDArray[np.float64]


def _chances(examples: Examples, judged: Judgement) -> dict[str, _Chances]:
    dataset, label = examples.dataset.astype(str), examples.label
    seen = np.isfinite(judged.p_view)
    labelled = seen & (label != NO_LABEL)
    has_zero = np.isin(dataset, [name for name in REGISTER_OF if 0 in SETS[name].labels])
    india = np.isin(dataset, _INDIA)
    chosen = {
        "P(view)": (labelled & has_zero, judged.p_view, label != 0),
        "P(view), Indian posts": (labelled & india, judged.p_view, label != 0),
        "P(up | view)": (labelled & (label != 0), judged.p_up, label == 1),
        "P(up | view), Indian posts": (labelled & india & (label != 0), judged.p_up, label == 1),
        "P(promotion)": (seen & india & (examples.promo != NO_LABEL), judged.p_promo, examples.promo == 1),
    }
    return {
        name: _Chances(p[rows], y[rows], examples.group[rows], examples.weight[rows])
        for name, (rows, p, y) in chosen.items()
    }


def _draw_reliability(chances: dict[str, _Chances], path: Path) -> None:
    """Rates against probabilities, with how many examples had which probability below; 1,600 × 840 px."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [name for name in chances if "," not in name]
    figure = Figure(figsize=(10, 5.25), dpi=160, facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(
        0.04,
        0.945,
        "What became of what the text model said: rates against probabilities",
        fontsize=14,
        weight="bold",
        color=_INK,
    )
    figure.text(
        0.04,
        0.895,
        "Cross-validated. A point is about a tenth of the examples, with Wilson's 95 % interval; on the line "
        "probabilities hold. Below: examples by probability.",
        fontsize=9,
        color=_MUTED,
    )
    grid = figure.add_gridspec(
        2, len(shown), height_ratios=[4.5, 1], left=0.075, right=0.98, top=0.79, bottom=0.1, hspace=0.12
    )
    for column, name in enumerate(shown):
        given = chances[name]
        table = metrics.reliability(given.p, given.y, 10, given.weight)
        panel, counts = figure.add_subplot(grid[0, column]), figure.add_subplot(grid[1, column])
        panel.plot([0, 1], [0, 1], color=_MUTED, linewidth=0.9)
        panel.vlines(table.mean_p, table.low, table.high, color=_BLUE, linewidth=1.6, clip_on=False)
        panel.plot(table.mean_p, table.rate, "o", color=_BLUE, markersize=5.5, clip_on=False)
        error = metrics.ece(given.p, given.y, given.weight)
        panel.set_title(name, loc="left", fontsize=10.5, weight="bold", color=_INK, pad=20)
        panel.annotate(
            f"{len(given.p):,} examples, calibration error {error:.3f}",
            (0, 1),
            (0, 6),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=8.5,
            color=_MUTED,
        )
        counts.hist(given.p, bins=20, range=(0, 1), color="#B8B8B8", rwidth=0.92)
        panel.set(xlim=(0, 1), ylim=(0, 1), xticks=_FIFTHS, yticks=_FIFTHS)
        counts.set(xlim=(0, 1), xticks=_FIFTHS, yticks=[])
        panel.tick_params(labelbottom=False, labelleft=column == 0)
        for axes in (panel, counts):
            axes.tick_params(colors=_MUTED, labelsize=8.5, length=3)
            axes.spines[["top", "right"]].set_visible(False)
            axes.spines[["left", "bottom"]].set_color(_MUTED)
        counts.spines["left"].set_visible(False)
        panel.grid(color="#ECECEC", linewidth=0.8)
        panel.set_axisbelow(True)
        counts.set_xlabel("probability given", fontsize=9, color=_MUTED)
        if column == 0:
            panel.set_ylabel("rate found", fontsize=9, color=_MUTED)
    figure.savefig(path)


def _show(interval: Interval) -> str:
    return f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def evaluate(examples: Examples, captures: Iterable[str], reports: Path, console: Console) -> dict[str, Any]:
    """Prints the tables; writes them to `reports/text_model.json` and the plot `reports/reliability.png`.

    Args:
        examples: all sets.
        captures: captured texts, those with labelled trade calls among them.
        reports: folder; made if need be.
        console: prints.

    Raises:
        ModuleNotFoundError: a tool to compare with is not installed.
    """
    reports.mkdir(parents=True, exist_ok=True)
    with Progress(console=console) as progress:
        bar = progress.add_task("fits")
        found = predictions(examples, lambda done, of: progress.update(bar, completed=done, total=of))
    stance = _stance(examples, found)
    ways = [*found, "TF-IDF + logistic, own set", "keyword list", "VADER", "TextBlob", "Loughran-McDonald"]
    table = Table("set", "n", *ways, title="Stance, macro-F1")
    for name, figures in stance.items():
        n = int(((examples.dataset.astype(str) == name) & (examples.label != NO_LABEL)).sum())
        table.add_row(name, str(n), *(_show(figures[way]) if way in figures else "" for way in ways))
    console.print(table)
    judged = found["cross-validated"]
    others = _others(examples, judged)
    table = Table("set", "promotion F1", "class accuracy", "instruments F1", title="Indian posts")
    for name, figures in others.items():
        table.add_row(name, *map(_show, figures.values()))
    console.print(table)
    chances = _chances(examples, judged)
    calibrations = {
        name: metrics.calibration(given.p, given.y, given.group, given.weight)
        for name, given in chances.items()
    }
    columns = ("slope (1)", "intercept (0)", "in the large (0)", "Brier", "ECE")
    table = Table("probability", "n", *columns, title="Calibration, cross-validated")
    for name, each in calibrations.items():
        intervals = map(_show, (each.slope, each.intercept, each.in_the_large))
        table.add_row(name, str(len(chances[name].p)), *intervals, f"{each.brier:.3f}", f"{each.ece:.3f}")
    console.print(table)
    _draw_reliability(chances, reports / "reliability.png")
    tally = trade_calls.evaluate(captures, trade_calls.read_labels())
    table = Table("posts", "labelled calls", "parsed", "right", "precision", "recall", title="Trade calls")
    shares = (f"{tally.precision:.3f}", f"{tally.recall:.3f}")
    table.add_row(*map(str, (tally.n_posts, tally.n_labelled, tally.n_parsed, tally.n_right)), *shares)
    console.print(table)
    written: dict[str, Any] = {
        "stance_macro_f1": stance,
        "indian_posts": others,
        "calibration": calibrations,
        "trade_calls": tally._asdict(),
    }
    (reports / "text_model.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return written
