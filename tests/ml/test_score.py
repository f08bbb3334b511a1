"""All columns at once: shape, independence of batch, order and thread, versions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import model as stance
from ml import score, topics
from ml.evidence import spell
from ml.text import normalise_array
from ml.tokens import tokenise

TEXTS = [
    "Nifty 24500 CE above 120 sl 100 target 150",
    "short covering in bank nifty",
    "join our telegram channel",
    "बाजार में मंदी नहीं",
    "",
    "🚀",
]


@pytest.fixture(scope="module")
def model() -> topics.TopicModel:
    return topics.fit([f"{text} day{row % 5}" for row, text in enumerate(TEXTS * 20)])


def test_columns(model: topics.TopicModel) -> None:
    scored = score.score_array(pa.array([*TEXTS, None]), model)
    assert scored.type == score.SCORE_TYPE
    assert scored.null_count == 0
    rows = scored.to_pylist()
    assert rows[-1] == rows[TEXTS.index("")]
    tokens = tokenise(pa.array(TEXTS))
    judged, parts = stance.load().judge(tokens, 3)
    evidence = spell(tokens, parts).to_pylist()
    for row, text in enumerate(TEXTS):
        assert rows[row]["sentiment"] == judged.sentiment[row]
        assert rows[row]["sentiment_label"] == judged.label[row]
        assert rows[row]["p_view"] == judged.p_view[row]
        assert rows[row]["p_up"] == judged.p_up[row]
        assert rows[row]["p_promo"] == judged.p_promo[row]
        assert rows[row]["content_class"] == stance.CLASSES[judged.content_class[row]]
        assert rows[row]["evidence"] == evidence[row]
        assert rows[row]["components"] == topics.transform(model, [text])[0].tolist()
        assert rows[row]["terms"] == topics.terms(model, [text])[0][0].as_py()
        assert len(rows[row]["terms"]) == len(rows[row]["term_weights"])
    assert [row["sentiment_label"] for row in rows[:2]] == [1, 1]


def test_no_rows(model: topics.TopicModel) -> None:
    scored = score.score_array(pa.array([], pa.string()), model)
    assert len(scored) == 0
    assert scored.type == score.SCORE_TYPE


@settings(deadline=None)
@given(st.lists(st.none() | st.text() | st.sampled_from(TEXTS), max_size=8))
def test_any_array_scores_as_its_rows_do(model: topics.TopicModel, texts: list[str | None]) -> None:
    whole = score.score_array(normalise_array(pa.array(texts, pa.string())), model)
    chunks = pa.chunked_array([[text] for text in texts], pa.string())
    assert score.score_array(normalise_array(chunks), model).equals(whole)
    alone = [score.score_array(normalise_array(chunk), model) for chunk in chunks.chunks]
    assert pa.concat_arrays([whole[:0], *alone]).equals(whole)


def test_threads_score_the_same(model: topics.TopicModel) -> None:
    texts = pa.array(TEXTS * 200)
    expected = score.score_array(texts, model)
    with ThreadPoolExecutor(4) as pool:
        assert all(
            scored.equals(expected)
            for scored in pool.map(lambda _: score.score_array(texts, model), range(8))
        )
