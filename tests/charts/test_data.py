from __future__ import annotations

import math

import duckdb
import numpy as np
import pytest

from charts.data import author_means, fetch, intraday, ist, published, t_975
from tests.charts.conftest import fill

# Student's t at 97.5 % by degrees of freedom, from tables.
T_975 = {9: 2.262157, 15: 2.131450, 30: 2.042272, 99: 1.984217, 1000: 1.962339}


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def test_t_is_that_of_the_tables() -> None:
    assert t_975(np.array(list(T_975))) == pytest.approx(list(T_975.values()), abs=5e-4)


def test_nulls_come_as_nan_nat_or_none(connection: duckdb.DuckDBPyConnection) -> None:
    columns = fetch(
        connection,
        """
        select * from (
            values (1.5, 1, 'a', timestamp '2026-01-20 09:15:00'), (null, null, null, null)
        ) as v (real, whole, word, moment)
        """,
    )
    assert math.isnan(columns["real"].astype(float)[1])
    assert columns["whole"][0] == 1
    assert math.isnan(columns["whole"][1])
    assert columns["word"].tolist() == ["a", None]
    assert np.isnat(columns["moment"][1])


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_the_wall_clock_in_india_does_not_depend_on_the_session(
    connection: duckdb.DuckDBPyConnection, zone: str
) -> None:
    connection.execute(f"set timezone = '{zone}'")
    moment = ist("timestamptz '2026-11-18 18:35:18.021+00'")
    row = fetch(connection, f"select {moment} as moment")
    assert row["moment"][0] == np.datetime64("2026-11-19T00:05:18.021")


def test_prices_within_a_session_are_of_one_series_and_end_with_it(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    fill(
        connection,
        # Another series, of fewer and longer bars; on the second day it is the only one.
        """
        insert into validated.price_bars
        select 'A', instrument, '30min', bar_start, trading_date, true, 1, 1 from validated.price_bars
        where bar_interval = '3min' and minute(bar_start) % 30 = 15
        """,
        "delete from validated.price_bars where bar_interval = '3min' and trading_date = date '2026-01-22'",
        days=1.9,
    )
    bars = fetch(
        connection,
        f"""
        select trading_date, count(*) as n, min(close) as least, max(bar_end) as ended
        from ({intraday("instrument = 'NIFTY50'")}) group by trading_date order by trading_date
        """,
    )
    assert bars["n"].tolist() == [125, 13, 125]
    assert (bars["least"] == 1).tolist() == [False, True, False]
    # 15:15 and 30 minutes are beyond the close, 10:00 UTC.
    assert {str(ended)[11:16] for ended in bars["ended"]} == {"10:00"}


def test_the_interval_of_a_mean_is_the_jackknife_over_authors(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        create table posts as
        select i % 2 as grp, floor(power(i, 0.5)) as author_key, sin(i * 12.9898) as value
        from range(400) as r (i)
        """
    )
    means = author_means(connection, "select * from posts")
    posts = fetch(connection, "select * from posts")
    assert means["grp"].tolist() == [0, 1]
    for row, group in enumerate((0, 1)):
        chosen = posts["grp"] == group
        authors, values = posts["author_key"][chosen], posts["value"][chosen]
        everyone = np.unique(authors)
        without = np.array([values[authors != author].mean() for author in everyone])
        n_authors = len(everyone)
        error = math.sqrt((n_authors - 1) / n_authors * ((without - without.mean()) ** 2).sum())
        assert means["n_posts"][row] == len(values)
        assert means["n_authors"][row] == n_authors
        assert means["mean"][row] == pytest.approx(values.mean())
        assert means["high"][row] - means["mean"][row] == pytest.approx(
            t_975(np.array(n_authors - 1)) * error
        )
        assert means["mean"][row] - means["low"][row] == pytest.approx(t_975(np.array(n_authors - 1)) * error)


@pytest.mark.parametrize(
    "posts",
    [
        "select 1 as grp, i as author_key, i as value from range(9) as r (i)",  # nine authors
        "select 1 as grp, i as author_key, 0.5 as value from range(50) as r (i)",  # who agree in all
        "select 1 as grp, 1 as author_key, i as value from range(50) as r (i)",  # one author
    ],
)
def test_there_is_no_interval_where_none_is_honest(connection: duckdb.DuckDBPyConnection, posts: str) -> None:
    means = author_means(connection, posts)
    assert np.isfinite(means["mean"]).all()
    assert np.isnan(means["low"]).all()
    assert np.isnan(means["high"]).all()


def test_the_posts_as_a_whole_carry_their_sources(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        create schema marts;
        create schema raw;
        create table raw.tweets as select unnest(['x', 'archive', 'x']) as source;
        create table marts.signal_summary (
            window_name varchar, n_posts bigint, n_authors bigint,
            window_start timestamptz, window_end timestamptz
        );
        """
    )
    assert published(connection) is None
    connection.execute(
        "insert into marts.signal_summary "
        "values ('all', 2, 1, '2026-01-01 00:00:00Z', '2026-01-02 00:00:00Z')"
    )
    facts = published(connection)
    assert facts is not None
    assert facts.sources == ("archive", "x")
    assert not facts.is_demo
    assert facts.as_of.isoformat() == "2026-01-02T05:30:00"
