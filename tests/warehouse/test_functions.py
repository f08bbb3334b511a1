"""The functions that SQL calls, as the engine calls them."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pyarrow as pa
import pytest

from config import Settings
from ml.score import SCORE_TYPE
from warehouse import functions
from warehouse.functions import registered

DAYS = ["nifty up today", "bank nifty down again", "sensex flat into close", "vix is rising", "expiry levels"]


def function(root: Settings, name: str) -> Callable[..., pa.Array]:
    (found,) = [entry.function for entry in registered(root) if entry.name == name]
    return found


def fit(root: Settings, texts: list[str]) -> str:
    version: str = function(root, "mi_fit_topics")(pa.array([texts]))[0].as_py()
    return version


def test_a_basis_stays_in_force_until_it_is_provisional_and_there_is_twice_as_much(root: Settings) -> None:
    first = fit(root, DAYS[:2])
    assert fit(root, DAYS[:3]) == first
    assert fit(root, DAYS) != first


def test_a_firm_basis_is_never_fitted_again(root: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "FIRM_FROM_TEXTS", 2)
    assert fit(root, DAYS[:2]) == fit(root, DAYS)


def test_a_lost_basis_is_fitted_again(root: Settings) -> None:
    first = fit(root, DAYS)
    for path in (root.models / "topics" / first).iterdir():
        path.unlink()
    (root.models / "topics" / first).rmdir()
    functions._load_topics.cache_clear()
    assert fit(root, DAYS) == first


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mi_read_instruments", functions.INSTRUMENTS_SQL_TYPE),
        ("mi_parse_trade_calls", functions.TRADE_CALLS_SQL_TYPE),
    ],
)
def test_lists_of_structs_have_the_type_that_sql_is_told(root: Settings, name: str, said: str) -> None:
    read = function(root, name)(pa.array(["nifty 24500 ce @ 100 sl 90 target 120", None]))
    with duckdb.connect() as connection:
        connection.register("posts", pa.table({"read": read}))
        (told,) = connection.sql(f"select cast(read as {said}) from posts").types
        (found,) = connection.sql("select read from posts").types
        assert connection.sql("select list(len(read) > 0) from posts").fetchall() == [([True, False],)]
    assert str(told) == str(found)


def test_scores_have_the_type_that_sql_is_told(root: Settings) -> None:
    version = fit(root, DAYS)
    scores = function(root, "mi_score_text")(pa.array(DAYS), pa.array([version] * len(DAYS)))
    assert scores.type == pa.struct(list(SCORE_TYPE))
    with duckdb.connect() as connection:
        connection.register("scored", pa.table({"score": scores}))
        (said,) = connection.sql(f"select cast(score as {functions.SCORE_SQL_TYPE}) from scored").types
        (found,) = connection.sql("select score from scored").types
    assert str(said) == str(found)
