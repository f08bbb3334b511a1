"""What the market brief says: small tables and counts, read from the published file."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from charts.data import SESSIONS, Columns, author_means, fetch, has_table, intraday, ist

MAX_INSTRUMENTS = 12
MAX_TERMS = 10
MAX_CAMPAIGNS = 5
MAX_VALIDATIONS = 10
MAX_TEXT = 800
STRIP_HOURS = 30
# A session is worth showing by instrument when this many have a score.
MIN_INSTRUMENTS = 3
# What fewer authors say is no talk of the market, and may be a name.
MIN_TERM_AUTHORS = 3
SIGNIFICANT = 0.05
JUDGED = "'target_first', 'stop_first', 'expired'"
# Only a call that names a target can reach one.
HIT = "case when target is not null then cast(outcome = 'target_first' as double) end"
HORIZONS = ("15min", "30min", "60min", "close", "next_day")

AS_OF = "(select max(window_end) from marts.signal_summary)"


@dataclass(frozen=True)
class Brief:
    """What the page says. Instants are wall clock in India; tables that an older file lacks are None."""

    # The market's newest session days, newest first: `trading_date`, `session_number`, `opened_at`,
    # `is_finished`, `n_posts`, `n_authors`, `n_voices`, `score`, `ci_low`, `ci_high`, `delta`, `z_score`,
    # `buzz`.
    sessions: Columns
    # The market by the hour up to the newest post: `bar_start`, `bar_end`, `n_posts`, `score`, `ci_low`,
    # `ci_high`, `is_cash` (part of it lies in the cash session).
    hours: Columns
    # One session day by instrument: `trading_date`, `instrument`, `n_posts`, `n_voices`, `score`, `ci_low`,
    # `ci_high`, `delta`, `z_score`, `buzz`, `top_author_share`, and the last price by then: `price_date`,
    # `close`, `change` (from that session's open, in per cent).
    instruments: Columns
    # The last 24 hours: `n_posts`, `n_bullish`, `n_bearish`, `n_promo`, `n_copies`; one row.
    day: Columns
    # `term`, `n_posts`, `n_authors`, `lift`, `baseline_posts`; by lift where there is any, else by weight.
    terms: Columns
    # Calls since the close before the newest session day: `instrument`, `n_calls`, `n_authors`, `n_up`.
    calls: Columns
    # Calls of their authors' own: `n_calls`, `n_judged`, `n_rated` (judged, with a target), `n_targets`
    # (reached first); one row.
    outcomes: Columns | None
    # Authors of calls, by what can be said of them: `n_authors`, `n_told`, `n_better`; one row.
    authors: Columns | None
    # Share of rated calls that reached the target first; mean net return of judged ones in per cent.
    hit_rate: Columns | None
    net_return: Columns | None
    # Campaigns that posted in the last 24 hours: `n_posts`, `n_authors`, `is_promotion`, `last_at`,
    # `example_text`, and of all such `n` and `n_promotions`.
    campaigns: Columns
    # `reason`, `n_posts` of rejected posts.
    rejected: Columns
    # `check_name`, `status`, `observed`, `expected`.
    checks: Columns
    # The newest run by entity: `entity`, `source`, `status`, `finished_at`, `records_read`, `records_landed`.
    runs: Columns
    # `instrument`, `bar_interval`, `horizon`, `ic`, `ic_low`, `ic_high`, `hit_rate`, `hit_rate_low`,
    # `hit_rate_high`, `power_note`, and `n_tested`, `n_clear` of the whole table.
    validation: Columns | None


def read(connection: duckdb.DuckDBPyConnection) -> Brief:
    """Everything on the page."""
    sessions = fetch(
        connection,
        f"""
        select
            trading_date, session_number, n_posts, n_authors, n_voices,
            score, ci_low, ci_high, delta, z_score, buzz,
            {ist("bar_start")} as opened_at,
            bar_end <= {AS_OF} as is_finished
        from marts.signal_bars
        left join ({SESSIONS}) using (trading_date)
        where channel = 'x' and instrument = 'MARKET' and bar_interval = '1d'
        order by bar_end desc
        limit 3
        """,
    )
    has_outcomes = has_table(connection, "marts.call_outcomes")
    return Brief(
        sessions=sessions,
        hours=_hours(connection),
        instruments=_instruments(connection),
        day=fetch(
            connection,
            """
            select n_posts, n_bullish, n_bearish, n_promo, n_copies from marts.signal_summary
            where window_name = '24h'
            """,
        ),
        terms=_terms(connection),
        calls=_calls(connection, sessions),
        outcomes=_outcomes(connection) if has_outcomes else None,
        authors=_authors(connection) if has_table(connection, "marts.author_track_record") else None,
        hit_rate=_judged(connection, HIT) if has_outcomes else None,
        net_return=_judged(connection, "net_return_pct") if has_outcomes else None,
        campaigns=_campaigns(connection),
        rejected=fetch(
            connection,
            """
            select reason, count(*) as n_posts
            from (select unnest(reasons) as reason from validated.rejected_tweets)
            group by reason
            order by n_posts desc, reason
            """,
        ),
        checks=fetch(
            connection,
            """
            select check_name, status, observed, expected
            from marts.data_quality
            order by status, entity, check_name
            """,
        ),
        runs=fetch(
            connection,
            f"""
            select entity, source, status, {ist("finished_at")} as finished_at, records_read, records_landed
            from marts.ingest_runs
            where status is not null
            qualify row_number() over (partition by entity order by marts.ingest_runs.finished_at desc) = 1
            order by entity
            """,
        ),
        validation=_validation(connection) if has_table(connection, "marts.signal_validation") else None,
    )


def _hours(connection: duckdb.DuckDBPyConnection) -> Columns:
    return fetch(
        connection,
        f"""
        select
            {ist("bar_start")} as bar_start, {ist("bar_end")} as bar_end, n_posts, score, ci_low, ci_high,
            exists (
                select 1 from ({SESSIONS}) as sessions
                where sessions.open_at < bars.bar_end and sessions.close_at > bars.bar_start
            ) as is_cash
        from marts.signal_bars as bars
        where
            channel = 'x' and instrument = 'MARKET' and bar_interval = '1h'
            and bars.bar_end > {AS_OF} - interval {STRIP_HOURS} hours
        order by bars.bar_start
        """,
    )


def _instruments(connection: duckdb.DuckDBPyConnection) -> Columns:
    """The newest session day that scores several instruments, else the newest."""
    return fetch(
        connection,
        f"""
        with bars as (
            select *, count(score) over (partition by bar_end) > {MIN_INSTRUMENTS} as has_several
            from marts.signal_bars
            where channel = 'x' and bar_interval = '1d'
        ),

        session as (
            select bar_end from bars order by has_several desc, bar_end desc limit 1
        ),

        -- What the price was by then, not what it became.
        days as (
            select
                instrument, trading_date as price_date,
                arg_max(close, bar_start) as close,
                100 * (arg_max(close, bar_start) / arg_min(open, bar_start) - 1) as change
            from ({intraday("true")})
            where bar_end <= {AS_OF}
            group by instrument, trading_date
        ),

        prices as (
            select * from days
            qualify row_number() over (partition by instrument order by price_date desc) = 1
        )

        select
            trading_date, instrument, n_posts, n_voices, score, ci_low, ci_high, delta, z_score, buzz,
            top_author_share, price_date, close, change
        from bars
        inner join session using (bar_end)
        left join prices using (instrument)
        where score is not null
        order by instrument = 'MARKET' desc, n_posts desc, instrument
        limit {MAX_INSTRUMENTS}
        """,
    )


def _terms(connection: duckdb.DuckDBPyConnection) -> Columns:
    return fetch(
        connection,
        f"""
        select term, n_posts, n_authors, lift, baseline_posts
        from signals.top_terms
        where window_name = '24h' and n_authors >= {MIN_TERM_AUTHORS}
        order by lift desc nulls last, term_rank
        limit {MAX_TERMS}
        """,
    )


def _calls(connection: duckdb.DuckDBPyConnection, sessions: Columns) -> Columns:
    """A bought call option and a sold put both bet on a rise."""
    return fetch(
        connection,
        f"""
        select
            instrument,
            count(*) as n_calls,
            count(distinct author_key) as n_authors,
            count(*) filter ((side = 'buy') = (leg is distinct from 'PE')) as n_up
        from processed.trade_calls
        inner join validated.tweets using (tweet_id)
        where trading_date in (select unnest(?))
        group by instrument
        order by n_calls desc, instrument
        limit {MAX_INSTRUMENTS}
        """,
        [sessions["trading_date"][:1].tolist()],
    )


def _outcomes(connection: duckdb.DuckDBPyConnection) -> Columns:
    """As the metrics trade_calls, judged_calls, rated_calls and target_hits."""
    return fetch(
        connection,
        f"""
        select
            count(*) as n_calls,
            count(*) filter (is_judged) as n_judged,
            count(*) filter (is_judged and target is not null) as n_rated,
            count(*) filter (outcome = 'target_first') as n_targets
        from (select *, outcome in ({JUDGED}) as is_judged from marts.call_outcomes)
        where coalesce(not_judged_reason, '') not in ('repost', 'later_version', 'repeat')
        """,
    )


def _authors(connection: duckdb.DuckDBPyConnection) -> Columns:
    return fetch(
        connection,
        """
        select
            count(*) as n_authors,
            count(*) filter (verdict not like 'none%') as n_told,
            count(*) filter (verdict not like 'none%' and hit_rate_low > crowd_hit_rate) as n_better
        from marts.author_track_record
        """,
    )


def _judged(connection: duckdb.DuckDBPyConnection, value: str) -> Columns:
    """Mean of a value over the judged calls that have it."""
    return author_means(
        connection,
        f"""
        select 'all' as grp, author_key, {value} as value
        from marts.call_outcomes
        where outcome in ({JUDGED}) and {value} is not null
        """,
    )


def _campaigns(connection: duckdb.DuckDBPyConnection) -> Columns:
    return fetch(
        connection,
        f"""
        select
            n_posts, n_authors, is_promotion, {ist("last_posted_at")} as last_at,
            left(example_text, {MAX_TEXT}) as example_text,
            count(*) over () as n,
            count(*) filter (is_promotion) over () as n_promotions
        from marts.campaigns
        where last_posted_at > {AS_OF} - interval 24 hours
        order by is_promotion desc, n_posts desc, cluster_id
        limit {MAX_CAMPAIGNS}
        """,
    )


def _validation(connection: duckdb.DuckDBPyConnection) -> Columns:
    """The market's and then NIFTY 50's, of the bar interval that most bars were tested of."""
    return fetch(
        connection,
        f"""
        with tested as (
            select
                *,
                count(p_adjusted) over () as n_tested,
                count(*) filter (p_adjusted < {SIGNIFICANT}) over () as n_clear
            from marts.signal_validation
            where channel = 'x'
        )

        select
            instrument, bar_interval, horizon, ic, ic_low, ic_high,
            hit_rate, hit_rate_low, hit_rate_high, power_note, n_tested, n_clear
        from tested
        where instrument in ('MARKET', 'NIFTY50') and ic is not null
        qualify bar_interval = arg_max(bar_interval, n_bars) over ()
        order by instrument, list_position({list(HORIZONS)}, horizon)
        limit {MAX_VALIDATIONS}
        """,
    )
