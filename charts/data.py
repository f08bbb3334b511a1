"""Published file → small arrays. Every query aggregates or samples in SQL; the rest is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import duckdb
import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]

# Fewer authors than this give no honest interval.
MIN_AUTHORS = 10


# Trading days with their number in order and their hours.
SESSIONS = """
    select
        calendar_date as trading_date,
        row_number() over (order by calendar_date) as session_number,
        open_at,
        close_at,
        is_regular_hours
    from processed.calendar_days
    where is_trading_day
"""


def intraday(bars: str) -> str:
    """SQL for intraday bars within sessions, of those that meet a condition on `validated.price_bars`: in
    each session those of the instrument's finest series, as `marts.signal_returns` chooses it: of those that
    cover nine tenths of what the fullest does.

    Gives `instrument`, `trading_date`, `bar_start`, `bar_end`, `open`, `close`.
    """
    return f"""
        with bars as (
            select * from validated.price_bars
            where bar_interval <> '1d' and is_in_session and {bars}
        ),

        series as (
            select
                instrument, trading_date, symbol, bar_interval,
                epoch(cast(replace(bar_interval, 'min', ' minutes') as interval)) / 60 as minutes,
                count(*) * minutes as covered,
                max(count(*) * minutes) over (partition by instrument, trading_date) as most_covered
            from bars
            group by instrument, trading_date, symbol, bar_interval
        ),

        finest as (
            select instrument, trading_date, symbol, bar_interval
            from series
            qualify row_number() over (
                partition by instrument, trading_date
                order by covered < 0.9 * most_covered, minutes, symbol
            ) = 1
        )

        select
            instrument, trading_date, bars.bar_start, open, close,
            least(
                bars.bar_start + cast(replace(bar_interval, 'min', ' minutes') as interval), close_at
            ) as bar_end
        from bars
        inner join finest using (instrument, trading_date, symbol, bar_interval)
        inner join ({SESSIONS}) using (trading_date)
    """


def ist(instant: str) -> str:
    """SQL for the wall clock in India (UTC+05:30, no summer time) of a timestamptz expression."""
    return f"make_timestamp(epoch_us({instant}) + 19800000000)"


def fetch(connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] = ()) -> Columns:
    """A query's columns by name, each of shape (rows,); nulls are NaN, NaT or None."""
    columns = connection.execute(query, parameters).fetchnumpy()
    return {name: _filled(values) for name, values in columns.items()}


def has_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether there is a table, by schema and name; an older published file may lack one."""
    found = fetch(
        connection,
        "select count(*) as n from duckdb_tables() where schema_name || '.' || table_name = ?",
        [name],
    )
    return bool(found["n"][0])


def _filled(values: NDArray[Any]) -> NDArray[Any]:
    if not isinstance(values, np.ma.MaskedArray):
        return values
    missing: Any = {"O": None, "M": np.datetime64("NaT")}.get(values.dtype.kind, np.nan)
    return np.where(np.ma.getmaskarray(values), missing, values.data)


class Estimate(NamedTuple):
    """A number and the ends of its 95 % interval; they are NaN where it has none."""

    value: float
    low: float
    high: float


def estimate(columns: Columns, row: int, names: Sequence[str] = ("score", "ci_low", "ci_high")) -> Estimate:
    """The estimate in a row, from the columns that hold its value, low and high."""
    value, low, high = (float(columns[name][row]) for name in names)
    return Estimate(value, low, high)


@dataclass(frozen=True)
class Published:
    """What every picture says of the posts behind it. Times are wall clock in India."""

    n_posts: int
    n_authors: int
    first_at: datetime
    as_of: datetime  # the newest post: the data's own clock
    sources: tuple[str, ...]

    @property
    def is_demo(self) -> bool:
        """The posts are generated."""
        return "demo" in self.sources


def published(connection: duckdb.DuckDBPyConnection) -> Published | None:
    """The published posts as a whole; None where there are none."""
    summary = connection.execute(
        f"""
        select n_posts, n_authors, {ist("window_start")}, {ist("window_end")}
        from marts.signal_summary
        where window_name = 'all'
        """
    ).fetchall()
    if not summary:
        return None
    sources = connection.execute("select distinct source from raw.tweets order by source").fetchall()
    n_posts, n_authors, first_at, as_of = summary[0]
    return Published(n_posts, n_authors, first_at, as_of, tuple(source for (source,) in sources))


def author_means(connection: duckdb.DuckDBPyConnection, posts: str) -> Columns:
    """Means over posts by group, with 95 % intervals over authors (delete one author, Student t).

    `posts` is a query that gives `grp`, `author_key` and `value` per post. Returns `grp` in order,
    `n_posts`, `n_authors`, `mean`, `low`, `high`; the last two are NaN where no interval is honest.
    """
    means = fetch(
        connection,
        f"""
        with authors as (
            select grp, author_key, count(*) as n, sum(value) as total
            from ({posts})
            group by grp, author_key
        ),

        totals as (
            select grp, sum(n) as n, sum(total) as total, count(*) as n_authors from authors group by grp
        )

        select
            grp,
            cast(any_value(totals.n) as bigint) as n_posts,
            any_value(totals.n_authors) as n_authors,
            any_value(totals.total / totals.n) as mean,
            sqrt(
                (count(*) - 1) * var_pop((totals.total - authors.total) / nullif(totals.n - authors.n, 0))
            ) as se
        from authors
        inner join totals using (grp)
        group by grp
        order by grp
        """,
    )
    se = means.pop("se")
    n_authors = means["n_authors"]
    is_honest = (n_authors >= MIN_AUTHORS) & (se > 0)
    half_width = np.where(is_honest, t_975(np.maximum(n_authors - 1, 1)) * se, np.nan)
    return means | {"low": means["mean"] - half_width, "high": means["mean"] + half_width}


def t_975(degrees_of_freedom: NDArray[Any]) -> NDArray[Any]:
    """Student's t at 97.5 %, by Cornish and Fisher's expansion: right to 0.001 from 9 degrees of freedom."""
    z = 1.959963984540054
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    nu = np.asarray(degrees_of_freedom, dtype=float)
    total: NDArray[Any] = sum((term / nu**power for power, term in enumerate(terms)), np.zeros_like(nu))
    return total
