"""The matching rule of ml/instruments.py, on a small alias table and on the seed."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.instruments import ALIASES, load_aliases, match, match_array
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
        ("hdfc falls #nifty #banknifty #a #b", ["HDFCBANK"]),
        ("hdfc falls #nifty #banknifty #a", ["BANKNIFTY", "HDFCBANK", "NIFTY50"]),
        ("दो करोड़ का", ["CRORE"]),
        ("", []),
    ],
)
def test_match(seed: Path, text: str, expected: list[str]) -> None:
    assert match(normalise(text), seed) == expected


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


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_any_text_matches_without_error(text: str) -> None:
    found = match(normalise(text))
    assert found == sorted(set(found))
