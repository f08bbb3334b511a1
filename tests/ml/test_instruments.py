"""The rules of ml/instruments.py, on a small alias table and on the seed."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.instruments import ALIASES, READ_TYPE, load_aliases, match, match_array, read_array
from ml.text import normalise

SEED = """alias,instrument,scope,note
nifty,NIFTY50,any,
nifty 50,NIFTY50,any,
bank nifty,BANKNIFTY,any,
hdfc,HDFCBANK,any,
hdfc life,HDFCLIFE,any,
m&m,M&M,any,
idea,IDEA,tag,common word
vodafone idea,IDEA,any,
करोड़,CRORE,any,
"""


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seeds") / "aliases.csv"
    path.write_text(unicodedata.normalize("NFKC", SEED), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NIFTY up, Nifty 50 too", ["NIFTY50"]),
        ("Bank Nifty weak", ["BANKNIFTY"]),
        ("bank. nifty", ["BANKNIFTY"]),
        ("nifty and bank nifty", ["BANKNIFTY", "NIFTY50"]),
        ("hdfc life results", ["HDFCLIFE"]),
        ("hdfc, life", ["HDFCLIFE"]),
        ("hdfc #life", ["HDFCBANK"]),
        ("M&M rally", ["M&M"]),
        ("good idea", []),
        ("vodafone idea", ["IDEA"]),
        ("#idea", ["IDEA"]),
        ("$IDEA", ["IDEA"]),
        ("#BankNifty and #VodafoneIdea", ["BANKNIFTY", "IDEA"]),
        ("$banknifty", []),
        ("@nifty @hdfc", []),
        ("niftycrash x_nifty nifty_x", []),
        ("⚡\ufe0fNifty🚀", ["NIFTY50"]),
        ("nifty - 50", ["NIFTY50"]),
        ("bank! nifty", ["NIFTY50"]),
        # Piles: four hashtags or more, three in a row.
        ("hdfc falls #nifty #banknifty #a #b", ["HDFCBANK"]),
        ("hdfc falls #nifty #banknifty #a", ["BANKNIFTY", "HDFCBANK", "NIFTY50"]),
        ("#hdfc falls as #nifty #a gains #b #c @d #banknifty", ["HDFCBANK", "NIFTY50"]),
        ("#hdfc falls #a, #b 🚀 #banknifty #c", ["HDFCBANK"]),
        # A closing pile that lost its '#'.
        ("hdfc falls today stockmarket nifty intraday stocks trading", ["HDFCBANK"]),
        ("hdfc falls with nifty in the stockmarket", ["HDFCBANK", "NIFTY50"]),
        ("दो करोड़ का", ["CRORE"]),
        ("", []),
    ],
)
def test_match(seed: Path, text: str, expected: list[str]) -> None:
    assert match(normalise(text), seed) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nifty 24450 ce", [("NIFTY50", 24450, "CE")]),
        ("NIFTY 24450CE", [("NIFTY50", 24450, "CE")]),
        ("nifty24450pe", [("NIFTY50", 24450, "PE")]),
        ("nifty25aug24450ce", [("NIFTY50", 24450, "CE")]),
        ("nifty 24,450 call", [("NIFTY50", 24450, "CE")]),
        ("nifty 28 aug 24450 put", [("NIFTY50", 24450, "PE")]),
        ("nifty 24450 (28 aug) ce", [("NIFTY50", 24450, "CE")]),
        ("nifty 24450 28 aug 2025 ce", [("NIFTY50", 24450, "CE")]),
        ("nifty ce 24450", [("NIFTY50", 24450, "CE")]),
        ("nifty 24400/24500 ce", [("NIFTY50", 24400, "CE"), ("NIFTY50", 24500, "CE")]),
        ("nifty 24500 ce/pe", [("NIFTY50", 24500, "CE"), ("NIFTY50", 24500, "PE")]),
        ("nifty 24500 pe, hdfc 900 ce", [("HDFCBANK", 900, "CE"), ("NIFTY50", 24500, "PE")]),
        ("24500 ce of nifty", [("NIFTY50", 24500, "CE")]),
        ("#24500ce #a #b #nifty #c", [("NIFTY50", 24500, "CE")]),
        ("24500 ce", []),
        ("nifty 24500 ce lo 120 pe", [("NIFTY50", 24500, "CE")]),
        ("1180 ce #a #b #c #nifty", []),
        ("55000 ce #a #b #nifty #banknifty", [("BANKNIFTY", 55000, "CE")]),
        ("nifty 49 ce", []),
        ("nifty ce 140", []),
        ("nifty 24500 put sl at 24400", []),
        ("nifty aug 2025 call", []),
        ("hdfc cmp 885 pe 3", []),
        ("nifty 81000 (put base strong)", []),
        ("nifty at a good price", []),
    ],
)
def test_strikes(seed: Path, text: str, expected: list[tuple[str, float, str]]) -> None:
    (entries,) = read_array(pa.array([normalise(text)]), seed).to_pylist()
    strikes = [(entry["instrument"], entry["strike"], entry["leg"]) for entry in entries if entry["leg"]]
    assert strikes == expected
    names = [entry["instrument"] for entry in entries if entry["leg"] is None]
    assert names == match(normalise(text), seed)
    assert {name for name, _, _ in strikes} <= set(names)


def test_each_entry_stands_once_in_order() -> None:
    (entries,) = read_array(pa.array(["nifty 25000 ce 24000 ce nifty 24000 ce 25000 pe tcs"])).to_pylist()
    assert [(entry["instrument"], entry["strike"], entry["leg"]) for entry in entries] == [
        ("NIFTY50", None, None),
        ("NIFTY50", 24000, "CE"),
        ("NIFTY50", 25000, "CE"),
        ("NIFTY50", 25000, "PE"),
        ("TCS", None, None),
    ]


def test_match_array(seed: Path) -> None:
    matched = match_array(pa.array(["nifty", None, "x"]), seed)
    assert matched.type == pa.list_(pa.string())
    assert matched.to_pylist() == [["NIFTY50"], [], []]


@pytest.mark.parametrize("row", ["a b c d,X,any,", "a,X,both,"])
def test_a_bad_seed_is_refused(tmp_path: Path, row: str) -> None:
    path = tmp_path / "aliases.csv"
    path.write_text(f"alias,instrument,scope,note\n{row}\n")
    with pytest.raises(ValueError, match=r"aliases\.csv"):
        load_aliases(path)


def test_every_alias_of_the_seed_finds_its_instrument() -> None:
    aliases = load_aliases()
    assert len(aliases.hashtags) > 1000
    assert [alias for alias, instrument in aliases.plain.items() if match(alias) != [instrument]] == []
    assert [tag for tag, instrument in aliases.hashtags.items() if match(f"#{tag}") != [instrument]] == []
    assert ALIASES.is_file()


PIECES = [
    "nifty",
    "#nifty",
    "$tcs",
    "24500",
    "ce",
    "pe",
    "call",
    "/",
    "24500ce",
    "tcs25ce",
    "aug",
    "28",
    "#a",
    ".",
    "🚀",
]


@settings(deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=())) | st.lists(st.sampled_from(PIECES)).map(" ".join),
        max_size=5,
    )
)
def test_any_text_reads_the_same_in_any_batch(texts: list[str]) -> None:
    clean = [normalise(text) for text in texts]
    together = read_array(pa.array([*clean, None], pa.string()))
    assert together.type == READ_TYPE
    together.validate(full=True)
    alone = [read_array(pa.array([text]))[0].as_py() for text in clean]
    assert together.to_pylist() == [*alone, []]
    assert match_array(pa.array(clean, pa.string())).to_pylist() == [
        [entry["instrument"] for entry in entries if entry["leg"] is None] for entries in alone
    ]


def test_a_text_of_a_hundred_thousand_characters_reads() -> None:
    entries = read_array(pa.array(["24500/24600ce/pe nifty " * 4500]))[0].as_py()
    assert {(entry["strike"], entry["leg"]) for entry in entries} >= {(24500, "CE"), (24600, "PE")}
