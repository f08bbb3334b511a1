"""The topic basis: what is fitted, that it is the same each time, and that rows stand alone."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import topics
from ml.text import normalise
from ml.tokens import scan, tokenise

THEMES = [
    "bank nifty breakout above resistance on the daily chart",
    "reliance results revenue profit quarter growth",
    "join telegram channel for free intraday calls",
    "निफ्टी में तेजी बाजार ऊपर",
    "gold silver crude prices rise #commodity 🚀",
]


def corpus(n: int, seed: int = 1) -> list[str]:
    """n distinct posts, each a mix of two themes, with handles, numbers and addresses thrown in."""
    draw = random.Random(seed)
    mixes = (f"{draw.choice(THEMES)} {draw.choice(THEMES)}".split() for _ in range(n))
    return [
        f"{' '.join(draw.sample(mix, 6))} @guru {24000 + row % 9} desk@mail.com rare{row}"
        for row, mix in enumerate(mixes)
    ]


@pytest.fixture(scope="module")
def model() -> topics.TopicModel:
    return topics.fit(corpus(1200))


def test_shapes_and_vocabulary(model: topics.TopicModel) -> None:
    size = len(model.vocabulary)
    assert list(model.vocabulary) == sorted(set(model.vocabulary))
    assert model.idf.shape == (size,)
    assert model.components.shape == (size, 50)
    assert model.components.dtype == np.float32
    assert {"nifty", "तेजी", "#commodity", "🚀"} <= set(model.vocabulary)
    assert any(" " in term for term in model.vocabulary)
    words = {word for term in model.vocabulary for word in term.split(" ")}
    assert not any("@" in word or word[0].isdigit() or word.startswith(("rare", "desk")) for word in words)
    assert not {"the", "for", "में"} & words


def test_terms_stand_in_five_distinct_texts() -> None:
    four = [f"fourfold {text}" for text in corpus(1000)[:4]]
    model = topics.fit(corpus(1000) + four + four * 9)
    frequency = Counter(word for text in set(corpus(1000) + four) for word in set(scan(normalise(text))))
    assert min(frequency[term] for term in model.vocabulary if " " not in term) >= 5
    assert "fourfold" not in model.vocabulary


def test_features_limit_keeps_the_commonest() -> None:
    texts = [f"common filler{row} {'second' if row % 2 else ''}" for row in range(40)]
    assert topics.fit(texts, features=2).vocabulary == ("common", "second")


def test_order_copies_and_form_of_the_texts_do_not_matter() -> None:
    texts = corpus(300)
    shuffled = [f" {text}  https://t.co/x" for text in texts + texts[:50]]
    random.Random(3).shuffle(shuffled)
    first, second = topics.fit(texts), topics.fit(shuffled)
    assert first.version == second.version
    assert np.array_equal(first.components, second.components)


def test_another_process_fits_the_same() -> None:
    sample = "[f'bank nifty word{n % 9} word{n % 7}' for n in range(90)]"
    code = f"from ml import topics; print(topics.fit({sample}).version)"
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    here = topics.fit([f"bank nifty word{n % 9} word{n % 7}" for n in range(90)])
    assert run.stdout.strip() == here.version


def test_versions_tell_models_apart(model: topics.TopicModel) -> None:
    assert (
        len(
            {model.version, topics.fit(corpus(1199)).version, topics.fit(corpus(1200), components=49).version}
        )
        == 3
    )


@pytest.mark.parametrize(
    "texts", [[], [""], ["nifty"], ["nifty bank"], ["a b c", "b", "1 2"], ["x y"] * 9, corpus(12)]
)
def test_tiny_corpora_give_padded_components(texts: list[str]) -> None:
    model = topics.fit(texts)
    rows = topics.transform(model, [*texts, "nifty bank nifty"])
    assert rows.shape == (len(texts) + 1, 50)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    rank = min(50, len({normalise(text) for text in texts} - {""}), len(model.vocabulary))
    assert not rows[:, rank:].any()


def test_directions_that_the_texts_do_not_span_are_padding() -> None:
    model = topics.fit(["bank rally", "bank rally!"])  # two texts, one row
    assert len(model.vocabulary) == 3
    assert model.components.any(axis=0).tolist() == [True] + [False] * 49


def test_signs_are_fixed(model: topics.TopicModel) -> None:
    used = model.components[:, model.components.any(axis=0)]
    assert used.shape[1] > 5
    assert (used[np.abs(used).argmax(axis=0), np.arange(used.shape[1])] > 0).all()


def test_weights_are_those_of_scikit_learn(model: topics.TopicModel) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    fitted, probes = (
        [normalise(text) for text in corpus(1200)],
        [*THEMES, "nifty nifty nifty bank", "unknown", ""],
    )
    reference = TfidfVectorizer(
        analyzer=lambda text: topics._grams(scan(text)), vocabulary=model.vocabulary, sublinear_tf=True
    ).fit(fitted)
    expected = reference.transform(probes).toarray()
    np.testing.assert_allclose(
        topics.weigh(model, tokenise(pa.array(probes))).toarray(), expected, atol=1e-12
    )
    np.testing.assert_allclose(topics.transform(model, probes), expected @ model.components, atol=1e-6)


def test_components_carry_the_themes(model: topics.TopicModel) -> None:
    rows = topics.transform(model, [THEMES[0], THEMES[0] + " today", THEMES[2]]).astype(float)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > 0.99
    assert unit[0] @ unit[2] < 0.3


def test_terms_are_sorted_and_of_unit_length(model: topics.TopicModel) -> None:
    names, weights = topics.terms(model, ["bank nifty breakout", "", "unknown", THEMES[4]])
    assert [len(row) for row in names] == [len(row) for row in weights]
    assert names[0].as_py() == sorted(["bank", "nifty", "breakout", "bank nifty", "nifty breakout"])
    assert names[1].as_py() == names[2].as_py() == []
    assert np.linalg.norm(weights[0].as_py()) == pytest.approx(1)


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([*" ".join(THEMES).split(), "x", "."])).map(" ".join) | st.text()),
    st.randoms(),
)
def test_rows_stand_alone_bit_by_bit(model: topics.TopicModel, texts: list[str], draw: random.Random) -> None:
    together = topics.transform(model, texts)
    order = list(range(len(texts)))
    draw.shuffle(order)
    shuffled = topics.transform(model, [texts[row] for row in order])
    for place, row in enumerate(order):
        assert shuffled[place].tobytes() == together[row].tobytes()
        assert topics.transform(model, [texts[row]]).tobytes() == together[row].tobytes()


def test_save_and_load_round_trip(model: topics.TopicModel, tmp_path: Path) -> None:
    folder = tmp_path / "models" / model.version
    topics.save(model, folder)
    topics.save(model, folder)
    loaded = topics.load(folder)
    assert (loaded.version, loaded.seed, loaded.n_texts) == (model.version, 0, 1200)
    assert loaded.vocabulary == model.vocabulary
    assert np.array_equal(topics.transform(loaded, THEMES), topics.transform(model, THEMES))
    assert sorted(path.name for path in folder.iterdir()) == ["basis.parquet", "model.json"]
    assert [path.name for path in folder.parent.iterdir()] == [model.version]  # no draft is left


def test_save_and_load_an_empty_model(tmp_path: Path) -> None:
    model = topics.fit([])
    topics.save(model, tmp_path / "m")
    assert topics.transform(topics.load(tmp_path / "m"), ["nifty"]).shape == (1, 50)


def test_save_never_replaces_another_model(model: topics.TopicModel, tmp_path: Path) -> None:
    topics.save(topics.fit(["nifty"]), tmp_path / "m")
    with pytest.raises(FileExistsError):
        topics.save(model, tmp_path / "m")
    assert topics.load(tmp_path / "m").vocabulary == ("nifty",)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_load_refuses_files_that_do_not_belong_together(model: topics.TopicModel, tmp_path: Path) -> None:
    topics.save(model, tmp_path / "a")
    about = json.loads((tmp_path / "a" / "model.json").read_text())
    (tmp_path / "a" / "model.json").write_text(json.dumps(about | {"version": "0" * 16}))
    with pytest.raises(ValueError, match="not the basis"):
        topics.load(tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        topics.load(tmp_path / "b")
