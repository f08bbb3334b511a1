"""Fitting on a small invented set: what is learned, what must not be, and that it is the same each time."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from ml import train
from ml.grams import BLOCKS
from ml.labelled import NO_LABEL, OWN, SETS, Examples, concatenate, take
from ml.model import CLASSES, REGISTERS, SCORES, Judgement, Model
from ml.text import normalise_array
from ml.tokens import tokenise

# Words that no lexicon knows: what is learned about them comes from the labels alone.
UP, DOWN, SELL = ["zorple", "wexin"], ["grimble", "quabid"], ["flumtag", "vextra"]
FILLER = [
    f"{first}{last}" for first in ("bal", "dor", "fim", "gos", "kel") for last in ("an", "et", "ik", "on")
]
KIND_WORD = {name: f"kind{name.replace('_', '')}" for name in CLASSES}
REGISTER_WORD = dict(zip(REGISTERS, ("yolo", "update", "says", "crore"), strict=True))
LABELS = {1: UP, -1: DOWN, 0: ["plomery", "tundish"]}

Row = tuple[str, str, int, int, str | None]


def examples(rows: Sequence[Row], groups: Sequence[int] | None = None) -> Examples:
    dataset, text, label, promo, kind = zip(*rows, strict=True)
    n = len(rows)
    return Examples(
        np.array(dataset, object),
        np.array(text, object),
        np.array(label, np.int8),
        np.array(promo, np.int8),
        np.array(kind, object),
        np.array([None] * n, object),
        np.ones(n),
        np.array([None] * n, object),
        np.array(range(n) if groups is None else groups, np.int64),
    )


def post(draw: random.Random, *words: str) -> str:
    both = [*words, *draw.choices(FILLER, k=5)]
    draw.shuffle(both)
    return " ".join(both)


def rows_of(dataset: str, n: int, labels: Sequence[int], seed: int = 0) -> list[Row]:
    """n posts of a set; those of Indian sets have promotion and kind, too."""
    draw = random.Random(f"{dataset} {seed}")
    register = train.REGISTER_OF.get(dataset, "trader")
    found: list[Row] = []
    for at in range(n):
        label = labels[at % len(labels)]
        words = [draw.choice(LABELS[label]), REGISTER_WORD[register], f"#tag{'up' if label > 0 else 'down'}"]
        if "promo" not in SETS[dataset].fields:
            found.append((dataset, post(draw, *words), label, NO_LABEL, None))
            continue
        kind = CLASSES[draw.randrange(len(CLASSES))]
        promo = int(kind == "promo")
        words.append(KIND_WORD[kind])
        words += draw.sample(SELL, 1) * promo
        found.append((dataset, post(draw, *words), label, promo, kind))
    return found


SIZES: dict[str, tuple[int, Sequence[int]]] = {
    "stocktwits_manual_3c": (60, (-1, 0, 1)),
    "stocktweets_yash612": (40, (-1, 1)),
    "zeroshot_twitter_fin": (60, (-1, 0, 1)),
    "sentfin_india_headlines": (60, (-1, 0, 1)),
    "india_stance": (90, (-1, 0, 1)),
    OWN: (90, (-1, 0, 1)),
}


@cache
def everything() -> Examples:
    return examples([row for name, (n, labels) in SIZES.items() for row in rows_of(name, n, labels)])


@cache
def fitted() -> Model:
    return train.fit(everything())


def judge(model: Model, *texts: str) -> Judgement:
    return model.judge(tokenise(normalise_array(pa.array(texts))))[0]


def weight(model: Model, gram: str, block: str, score: str) -> float:
    (row,) = (
        at for at, each in enumerate(zip(model.names, model.blocks, strict=True)) if each == (gram, block)
    )
    return float(model.weights[row, SCORES.index(score)])


def only(keep: Callable[[str], bool]) -> Examples:
    return take(everything(), np.array([keep(name) for name in everything().dataset]))


def test_words_that_part_the_labels_get_their_sign() -> None:
    model = fitted()
    for up, down in zip(UP, DOWN, strict=True):
        assert weight(model, up, "word", "direction") > 0 > weight(model, down, "word", "direction")
    for sided in UP + DOWN:
        assert weight(model, sided, "word", "view") > 0
    for neutral in LABELS[0]:
        assert weight(model, neutral, "word", "view") < 0
    for word in SELL:
        assert weight(model, word, "word", "promo") > 0
    for name, word in KIND_WORD.items():
        scores = {other: weight(model, word, "word", f"class_{other}") for other in CLASSES}
        assert max(scores, key=lambda other: scores[other]) == name
    for name, word in REGISTER_WORD.items():
        registers = {other: weight(model, word, "word", f"register_{other}") for other in REGISTERS}
        assert max(registers, key=lambda other: registers[other]) == name


def test_small_talk_takes_no_side() -> None:
    greetings = [f"{UP[0]} mornel {other}" for other in ("anel", "brok", "cirin", "dovan", "estil", "farn")]
    taught = train.fit(everything(), greetings)
    assert weight(taught, "mornel", "word", "view") < 0
    before, after = (judge(model, f"{UP[0]} mornel galt").p_view[0] for model in (fitted(), taught))
    assert after < before


def test_posts_not_seen_are_judged_right() -> None:
    rows = [row for name in (OWN, "zeroshot_twitter_fin") for row in rows_of(name, 30, (-1, 0, 1), seed=1)]
    judged = judge(fitted(), *(row[1] for row in rows))
    assert np.mean(judged.label == [row[2] for row in rows]) >= 0.9
    of_india = [at for at, row in enumerate(rows) if row[0] == OWN]
    assert np.mean([(judged.p_promo[at] >= 0.5) == rows[at][3] for at in of_india]) >= 0.9
    assert np.mean([CLASSES[judged.content_class[at]] == rows[at][4] for at in of_india]) >= 0.9


def test_chances_are_calibrated_towards_the_sure_side() -> None:
    judged = judge(fitted(), *(f"{word} balan doret" for word in (UP[0], DOWN[0], LABELS[0][0])))
    up, down, neither = judged.p_view
    assert min(up, down) > 0.5 > neither
    assert judged.p_up[0] > 0.5 > judged.p_up[1]


def test_the_same_examples_and_seed_give_the_same_model_step_by_step() -> None:
    steps: list[str] = []
    again = train.fit(everything(), report=steps.append)
    assert steps == ["grams", "registers", "view", "direction", "promotion", "classes"]
    assert again is not fitted()
    assert again.version == fitted().version
    assert train.fit(everything(), seed=1).version != fitted().version


def test_a_gram_counts_from_five_groups_on() -> None:
    base = [row for name, (n, labels) in SIZES.items() for row in rows_of(name, n, labels)]
    groups = list(range(len(base)))
    extra: list[Row] = []
    # Four groups with nine texts, five groups with five.
    for word, of in (("fourfold", [0, 1, 2, 3, 3, 3, 3, 3, 3]), ("fivefold", [4, 5, 6, 7, 8])):
        for group in of:
            extra.append((OWN, f"{word} balan {group} {len(extra)}", 1, 0, "view"))
            groups.append(len(base) + group)
    names = set(train.fit(examples(base + extra, groups)).names)
    assert "fivefold" in names
    assert {"~ivef~", "fivefold balan"} <= names
    assert not [name for name in names if "fourf" in name]


def test_hashtags_tell_neither_view_nor_direction() -> None:
    model = fitted()
    tags = np.array(model.blocks) == "hashtag"
    assert {"#tagup", "#tagdown"} <= {name for name, tag in zip(model.names, tags, strict=True) if tag}
    stance = [at for at, name in enumerate(SCORES) if name.startswith(("view", "direction"))]
    others = [at for at in range(len(SCORES)) if at not in stance]
    assert not model.weights[np.ix_(tags, stance)].any()
    assert model.weights[np.ix_(tags, others)].any()
    up, down = judge(model, "balan #tagup", "balan #tagdown").p_up
    assert abs(up - down) < 0.15  # by their registers alone


def test_sets_for_evaluation_change_nothing() -> None:
    rows = [
        (name, f"{UP[0]} balan phrase {at}", -1, NO_LABEL, None)
        for name in ("phrasebank_50agree", "phrasebank_allagree")
        for at in range(60)
    ]
    assert {SETS[row[0]].trains for row in rows} == {False}
    with_them = examples(rows, range(1000, 1000 + len(rows)))
    joined = Examples._make(np.concatenate(columns) for columns in zip(with_them, everything(), strict=True))
    assert train.fit(joined).version == fitted().version


def test_only_sets_that_train_are_trained_on() -> None:
    assert all(SETS[name].trains for name in train.REGISTER_OF)
    assert set(train.REGISTER_OF.values()) == set(REGISTERS)


@pytest.mark.parametrize("missing", [("trader",), ("headline", "news")])
def test_a_register_without_examples_gets_no_share(missing: tuple[str, ...]) -> None:
    model = train.fit(only(lambda name: train.REGISTER_OF[name] not in missing))
    judged = judge(model, *(f"{word} balan doret" for word in (*UP, *DOWN)))
    assert judged.label.tolist() == [1, 1, -1, -1]
    present = [at for at, name in enumerate(REGISTERS) if name not in missing]
    absent = [at for at, name in enumerate(REGISTERS) if name in missing]
    assert model.register_mix[-1, absent].max() < model.register_mix[-1, present].min() - 20


def test_one_register_alone_will_do() -> None:
    model = train.fit(only(lambda name: train.REGISTER_OF[name] == "india"))
    judged = judge(model, *(f"{word} balan doret" for word in (*UP, *DOWN)))
    assert judged.label.tolist() == [1, 1, -1, -1]


def test_a_class_without_examples_is_never_given() -> None:
    kept = np.array([kind != "education" for kind in everything().kind])
    model = train.fit(take(everything(), kept))
    judged = judge(model, *everything().text.tolist(), "", *KIND_WORD.values())
    assert CLASSES.index("education") not in judged.content_class
    assert len(set(judged.content_class.tolist())) == len(CLASSES) - 1


def test_without_labels_of_it_nothing_is_promotion_and_all_is_other() -> None:
    model = train.fit(
        only(lambda name: name not in ("india_stance", OWN)),
        [f"mornel {number} galt" for number in range(20)],
    )
    judged = judge(model, *SELL, *UP)
    assert (judged.p_promo < 0.01).all()
    assert {CLASSES[each] for each in judged.content_class} == {"other"}


@pytest.mark.parametrize(
    "lacking",
    [
        lambda: only(lambda name: False),
        lambda: take(everything(), everything().label != 1),
        lambda: take(everything(), everything().promo != 1),
    ],
    ids=["no examples", "no bulls", "no adverts"],
)
def test_too_little_to_learn_from_is_said_so(lacking: Callable[[], Examples]) -> None:
    with pytest.raises(ValueError, match=r"sample|zero-size"):
        train.fit(lacking())


def test_disguised_adverts_are_learned_too() -> None:
    draw = random.Random(3)
    texts = [post(draw, word, KIND_WORD["promo"]) for word in SELL for _ in range(20)]
    copies = [train.scramble(text, draw) for text in texts]
    assert np.mean([one != other for one, other in zip(texts, copies, strict=True)]) > 0.9
    assert np.mean(judge(fitted(), *copies).p_promo >= 0.5) >= 0.8


def test_scrambling_keeps_short_words_and_what_is_no_word() -> None:
    draw = random.Random(4)
    text = "buy 24500 ce #nifty @me $tcs t.me/x 🚀🚀🚀🚀 now"
    assert all(train.scramble(text, draw) == text for _ in range(50))


def test_names_and_blocks_are_those_of_the_grams() -> None:
    model = fitted()
    assert set(model.blocks) == set(BLOCKS)
    assert len(set(zip(model.names, model.blocks, strict=True))) == len(model.names)
    assert len(set(model.hashes.tolist())) == len(model.hashes)


def test_provenance_counts_the_sets_that_train() -> None:
    extra = examples([("phrasebank_50agree", "a b", 1, NO_LABEL, None)])
    about = train.provenance(concatenate(everything(), extra))
    assert {name: each["texts"] for name, each in about["sets"].items()} == {
        name: n for name, (n, _) in SIZES.items()
    }
