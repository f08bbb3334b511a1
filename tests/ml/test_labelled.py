"""Labelled sets: what is read, what is refused, and that no fold parts what belongs together."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.labelled import (
    NO_LABEL,
    OWN,
    SETS,
    Examples,
    concatenate,
    folds,
    group,
    read,
    read_own,
    take,
    text_key,
)
from ml.text import normalise
from ml.tokens import scan

OWN_HEADER = "content_hash,stance,promo,kind,instruments,weight\n"
AVAILABLE = [name for name in SETS if name != OWN]


def write(folder: Path, name: str, *rows: str, header: str = "dataset,sha256,text,label") -> None:
    (folder / SETS[name].file).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """One small file of each kind."""
    write(tmp_path, "zeroshot_twitter_fin", 'z,1,"up, up",1', "z,2,flat,0", "z,3,down,-1")
    write(tmp_path, "stocktwits_spam", "s,1,join now,1", "s,2,up,-1")
    write(tmp_path, "india_stance", "7,nifty up", '8,"join\nus"', header="id,text")
    readings = {
        "a": [(7, 1, 0, "view", ["NIFTY50", "SENSEX"]), (8, 0, 1, "promo", [])],
        "b": [(8, 0, 1, "other", []), (7, 0, 0, "view", ["SENSEX", "NIFTY50"])],
    }
    names = ("id", "stance", "promo", "kind", "instruments")
    for letter, records in readings.items():
        lines = [json.dumps(dict(zip(names, record, strict=True))) + "\n" for record in records]
        (tmp_path / f"india_stance_{letter}.jsonl").write_text("".join(lines))
    return tmp_path


def rows(examples: Examples) -> list[tuple[object, ...]]:
    names = ("dataset", "text", "label", "promo", "kind", "instruments")
    return list(zip(*(getattr(examples, name).tolist() for name in names), strict=True))


def test_reads_every_kind_of_file(sets: Path) -> None:
    examples = read(sets, ["india_stance", "stocktwits_spam", "zeroshot_twitter_fin"])
    fin, spam, india = "zeroshot_twitter_fin", "stocktwits_spam", "india_stance"
    assert rows(examples) == [
        (fin, "up, up", 1, NO_LABEL, None, None),
        (fin, "flat", 0, NO_LABEL, None, None),
        (fin, "down", -1, NO_LABEL, None, None),
        (spam, "join now", NO_LABEL, 1, None, None),
        (spam, "up", NO_LABEL, 0, None, None),
        (india, "nifty up", NO_LABEL, 0, "view", ("NIFTY50", "SENSEX")),
        (india, "join\nus", 0, 1, None, ()),
    ]
    assert examples.label.dtype == examples.promo.dtype == np.int8
    assert examples.weight.tolist() == [1.0] * 7


def test_takes_and_concatenates(sets: Path) -> None:
    fin = read(sets, ["zeroshot_twitter_fin"])
    assert rows(take(fin, fin.label == 0)) == rows(take(fin, np.array([1]))) == rows(fin)[1:2]
    joined = concatenate(fin, read(sets, ["india_stance"]), fin)
    assert rows(joined)[:3] == rows(joined)[5:] == rows(fin)
    assert joined.group.tolist() == [0, 1, 2, 3, 4, 0, 1, 2]


def test_an_author_is_one_group(sets: Path) -> None:
    authors = {text_key(text): "someone" for text in ("FLAT", "join now")}
    examples = read(sets, ["zeroshot_twitter_fin", "stocktwits_spam"], authors)
    assert examples.author.tolist() == [None, "someone", None, "someone", None]
    assert examples.group.tolist() == [0, 1, 2, 1, 3]
    assert concatenate(examples, examples).group.tolist() == [0, 1, 2, 1, 3] * 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("zeroshot_twitter_fin", "dataset,text\nz,up\n", "zeroshot_twitter_fin.csv: no column label"),
        ("zeroshot_twitter_fin", "text,label\nup,2\n", "line 2: '2' is none of -1, 0, 1"),
        ("zeroshot_twitter_fin", "text,label\nup\n", "line 2: no label"),
        ("fiqa_posts", "text,label\nup,0\n", "line 2: '0' is none of -1, 1"),
        ("stocktwits_spam", "text,label\nup,0\n", "line 2: '0' is none of -1, 1"),
        ("india_stance", "id,text\n9,up\n", "id 9 has not been read twice"),
    ],
)
def test_refuses_what_it_cannot_read(sets: Path, name: str, content: str, message: str) -> None:
    (sets / SETS[name].file).write_text(content)
    with pytest.raises(ValueError, match=message):
        read(sets, [name])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: JSONDecodeError"),
        ("[]", "line 1: TypeError"),
        ('{"id": 7}', "line 1: KeyError: 'stance'"),
        ('{"id": 7, "stance": 3, "promo": 0, "kind": "view", "instruments": []}', "3 is none of"),
        ('{"id": 7, "stance": 0, "promo": 0, "kind": "viev", "instruments": []}', "'viev' is none of"),
    ],
)
def test_refuses_a_broken_reading(sets: Path, line: str, message: str) -> None:
    (sets / "india_stance_b.jsonl").write_text(line)
    with pytest.raises(ValueError, match=message):
        read(sets, ["india_stance"])


def test_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no fiqa_posts\.csv in "):
        read(tmp_path, ["fiqa_posts"])
    with pytest.raises(FileNotFoundError, match=r"no india_stance\.csv in "):
        read_own(tmp_path, [])
    with pytest.raises(ValueError, match="no such labelled set: india_own, tomorrow"):
        read(tmp_path, ["tomorrow", OWN])


def own(folder: Path, *lines: str) -> Path:
    (folder / SETS[OWN].file).write_text(OWN_HEADER + "\n".join(lines))
    return folder


def test_own_labels_find_their_texts(tmp_path: Path) -> None:
    up, join, other = (text_key(text) for text in ("nifty up", "join us", "hello"))
    own(tmp_path, f"{join},0,1,promo,,2.5", f"{up},1,0,view,SENSEX NIFTY50,1", f"{other},,,,?,0.5")
    captures = ["unlabelled", "Nifty  UP https://example.com/x", "nifty up", "Hello", "Join us"]
    examples = read_own(tmp_path, iter(captures), {up: "someone"})
    assert rows(examples) == [
        (OWN, "Join us", 0, 1, "promo", ()),
        (OWN, "Nifty  UP https://example.com/x", 1, 0, "view", ("NIFTY50", "SENSEX")),
        (OWN, "Hello", NO_LABEL, NO_LABEL, None, None),
    ]
    assert examples.author.tolist() == [None, "someone", None]
    assert examples.weight.tolist() == [2.5, 1, 0.5]


def test_own_labels_without_a_text_are_told_of(tmp_path: Path) -> None:
    own(tmp_path, f"{text_key('up')},1,0,view,,1", f"{text_key('down')},-1,0,view,,1")
    with pytest.warns(UserWarning, match="1 of 2 labelled texts are not captured"):
        assert read_own(tmp_path, ["down"]).label.tolist() == [-1]
    with pytest.warns(UserWarning, match="2 of 2"):
        assert read_own(tmp_path, []).text.size == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2,0,view,,1", "line 2: '2' is none of -1, 0, 1"),
        ("1,-1,view,,1", "line 2: '-1' is none of 0, 1"),
        ("1,0,opinion,,1", "line 2: 'opinion' is none of view"),
        ("1,0,view", "line 2: no instruments, weight"),
        ("1,0,view,,1\n{key},1,0,view,,1", "line 3: content_hash stands there twice"),
    ],
)
def test_own_labels_must_be_legal(tmp_path: Path, line: str, message: str) -> None:
    own(tmp_path, f"{{key}},{line}".replace("{key}", text_key("up")))
    with pytest.raises(ValueError, match=message):
        read_own(tmp_path, ["up"])


# ---- Groups ---------------------------------------------------------------------------------------

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"


def test_near_copies_share_a_group() -> None:
    words = LONG.split()
    assert (
        group(
            [
                LONG,  # 14 shingles
                "something else entirely in these words",
                LONG.upper() + " https://example.com/1",
                f"{LONG} seventeen eighteen",  # 14 of 16
                f"{LONG} a b c",  # 14 of 17: not above 0.85 with the first, but 14 of 19 with the one before
                " ".join([*words[:8], "EIGHT", *words[8:]]),
            ]
        ).tolist()
        == [0, 1, 0, 0, 2, 3]
    )


def test_the_threshold_itself_counts() -> None:
    words = [f"w{number}" for number in range(22)]  # 20 shingles
    assert group([" ".join(words[:19]), " ".join(words)]).tolist() == [0, 0]  # 17 of 20
    assert group([" ".join(words[:18]), " ".join(words)]).tolist() == [0, 1]  # 16 of 20


def test_short_and_empty_texts() -> None:
    assert group(["buy", "BUY ", "buy now", "", " ", "buy now now"]).tolist() == [0, 0, 1, 2, 2, 3]
    assert group([]).tolist() == []


def similarity(one: str, other: str) -> float:
    def shingles(text: str) -> set[tuple[str, ...]]:
        words = scan(normalise(text))
        return {tuple(words[start : start + 3]) for start in range(max(1, len(words) - 2))}

    return len(shingles(one) & shingles(other)) / len(shingles(one) | shingles(other))


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcdef"), max_size=30).map(" ".join), max_size=12),
    st.lists(st.sampled_from([None, None, None, "x", "y"]), min_size=12, max_size=12),
    st.integers(0, 30),
)
def test_groups_are_the_components_of_all_pairs(texts: list[str], authors: list[str | None], at: int) -> None:
    if texts:  # a planted near copy
        words = texts[0].split()
        texts.append(" ".join([*words[:at], *words[at + 1 :]]))
    authors = [*authors, None][: len(texts)]
    expected = list(range(len(texts)))
    for row, text in enumerate(texts):
        for other in range(row):
            is_same = authors[row] is not None and authors[row] == authors[other]
            if is_same or similarity(text, texts[other]) >= 0.85:
                old, new = max(expected[row], expected[other]), min(expected[row], expected[other])
                expected = [new if number == old else number for number in expected]
    rank = {number: place for place, number in enumerate(sorted(set(expected)))}
    assert group(texts, authors).tolist() == [rank[number] for number in expected]


@settings(deadline=None)
@given(st.lists(st.text(alphabet="abc ", max_size=20), max_size=8), st.text(alphabet="xyz ", max_size=20))
def test_disjoint_texts_are_never_joined(texts: list[str], apart: str) -> None:
    groups = group([*texts, f"z {apart}"])
    assert groups[-1] not in groups[:-1]


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=60), st.integers(2, 5), st.integers(0, 5))
def test_folds_keep_groups_whole_and_even(groups: list[int], k: int, seed: int) -> None:
    column = np.array([*groups, *range(41, 46)])
    fold = folds(column, k, seed)
    assert all(len(set(fold[column == each])) == 1 for each in set(column))
    sizes = np.bincount(fold, minlength=k)
    assert len(sizes) == k
    assert sizes.max() - sizes.min() <= np.bincount(column).max()
    assert (fold == folds(column, k, seed)).all()


def test_folds_are_shuffled_by_seed() -> None:
    groups = np.arange(100)
    assert (folds(groups, seed=1) != folds(groups, seed=2)).any()
    assert np.bincount(folds(groups)).tolist() == [20] * 5
    lumpy = np.r_[np.zeros(10, np.int64), 1:11]
    assert np.bincount(folds(lumpy, k=2)).tolist() == [10, 10]
    with pytest.raises(ValueError, match="4 groups cannot make 5 folds"):
        folds(np.arange(4))


@pytest.mark.shared
def test_the_real_sets_are_as_described(shared: Path) -> None:
    examples = read(shared / "labelled")
    assert set(examples.dataset) == set(AVAILABLE)
    for name in AVAILABLE:
        own_rows = take(examples, examples.dataset == name)
        found = {
            "label": own_rows.label != NO_LABEL,
            "promo": own_rows.promo != NO_LABEL,
            "kind": own_rows.kind != np.array(None),
            "instruments": np.array([each is not None for each in own_rows.instruments]),
        }
        assert {field for field, known in found.items() if known.any()} == set(SETS[name].fields)
        assert set(own_rows.label) - {NO_LABEL} == set(SETS[name].labels)
    # The second set holds the sentences of the first, among others.
    inside, around = (set(examples.group[examples.dataset == f"phrasebank_{n}agree"]) for n in ("all", "50"))
    assert len(inside & around) > len(inside) / 3
