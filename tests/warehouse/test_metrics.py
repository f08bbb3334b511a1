"""Metrics of dbt's semantic manifest mean what the marts and the pictures say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from charts import (
    campaign_timeline,
    chatter_heatmap,
    market_brief,
    sentiment_distribution,
    signal_aggregation,
)
from config import ROOT, Settings

AGGREGATES = {
    "count": "count({})",
    "count_distinct": "count(distinct {})",
    "sum": "sum({})",
    "average": "avg({})",
}
Figure = Callable[..., float | None]


@pytest.fixture(scope="module")
def manifest(demo: Settings, common: Path) -> dict[str, Any]:
    """The semantic manifest; parsing it must not give a warning."""
    del demo
    said = (common / "build.txt").read_text()
    assert "WARNING" not in said, said
    found: dict[str, Any] = json.loads((common / "semantic_manifest.json").read_text())
    return found


@pytest.fixture(scope="module", params=["demo", pytest.param("real", marks=pytest.mark.shared)])
def published(request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    root: Settings = request.getfixturevalue(request.param)
    with duckdb.connect(str(root.published_db), read_only=True) as connection:
        yield connection


def query(manifest: dict[str, Any], name: str, rows: str = "true") -> str:
    """SQL of a metric over the rows of its tables that meet a condition."""
    metric = {metric["name"]: metric for metric in manifest["metrics"]}[name]
    assert metric["filter"] is None, "a condition belongs into the measure's expression"
    inputs = metric["type_params"]
    if metric["type"] == "ratio":
        parts = (query(manifest, inputs[part]["name"], rows) for part in ("numerator", "denominator"))
        return "(select {} / nullif(cast({} as double), 0))".format(*parts)
    assert metric["type"] == "simple"
    for model in manifest["semantic_models"]:
        for measure in model["measures"]:
            if measure["name"] == inputs["measure"]["name"]:
                relation = model["node_relation"]
                figure = AGGREGATES[measure["agg"]].format(measure["expr"])
                return f"(select {figure} from {relation['schema_name']}.{relation['alias']} where {rows})"
    raise AssertionError(f"{name} has no measure")


@pytest.fixture
def figure(manifest: dict[str, Any], published: duckdb.DuckDBPyConnection) -> Figure:
    """A metric's value over the rows that meet a condition."""

    def ask(name: str, rows: str = "true", *parameters: Any) -> float | None:
        sql = query(manifest, name, rows)
        answers = published.execute(f"select {sql}", list(parameters) * sql.count(rows)).fetchall()
        value: float | None = answers[0][0]
        return value

    return ask


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    found = connection.sql(sql)
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def posts_where(condition: str) -> str:
    return f"tweet_id in (select tweet_id from validated.tweets where {condition})"


def test_days_are_the_time_spine(manifest: dict[str, Any]) -> None:
    (spine,) = manifest["project_configuration"]["time_spines"]
    assert spine["node_relation"]["alias"] == "calendar_days"
    assert spine["primary_column"] == {"name": "calendar_date", "time_granularity": "day"}


def test_every_metric_has_a_label_of_its_own_and_says_what_it_is(manifest: dict[str, Any]) -> None:
    for part in ("label", "description"):
        words = [metric[part] for metric in manifest["metrics"]]
        assert all(words)
        assert len(set(words)) == len(words)


def test_every_metric_can_be_asked(manifest: dict[str, Any], figure: Figure) -> None:
    for metric in manifest["metrics"]:
        figure(metric["name"])


def test_posts_of_a_window_are_the_summarys(published: duckdb.DuckDBPyConnection, figure: Figure) -> None:
    windows = rows_of(published, "select * from marts.signal_summary")
    assert len(windows) == 3
    for window in windows:
        rows, since = posts_where("posted_at > ?"), window["window_start"]
        for metric, expected in {
            "posts": window["n_posts"],
            "authors": window["n_authors"],
            "posts_per_author": window["n_posts"] / window["n_authors"],
            "bullish_posts": window["n_bullish"],
            "bearish_posts": window["n_bearish"],
            "posts_with_view": window["n_posts"] - window["n_no_view"],
            "view_rate": 1 - window["n_no_view"] / window["n_posts"],
            "promotional_posts": window["n_promo"],
            "promotion_rate": window["n_promo"] / window["n_posts"],
            "copies": window["n_copies"],
            "copy_rate": window["n_copies"] / window["n_posts"],
            "mean_sentiment": window["mean_sentiment"],
            "mean_composite": window["mean_composite"],
        }.items():
            assert figure(metric, rows, since) == pytest.approx(expected, abs=1e-9), metric


def test_posts_of_a_hashtag_are_its_marts(published: duckdb.DuckDBPyConnection, figure: Figure) -> None:
    hashtags = rows_of(published, "from marts.hashtag_stats order by n_posts desc, hashtag limit 12")
    assert len(hashtags) == 12
    for hashtag in hashtags:
        rows = posts_where("list_contains(hashtags, ?)")
        for metric, column in {
            "posts": "n_posts",
            "authors": "n_authors",
            "copies": "n_copies",
            "mean_sentiment": "mean_sentiment",
            "weighted_sentiment": "weighted_sentiment",
        }.items():
            assert figure(metric, rows, hashtag["hashtag"]) == pytest.approx(hashtag[column], abs=1e-6), (
                metric
            )


@pytest.mark.parametrize("bar_interval", ["15min", "1d"])
def test_posts_of_a_bar_are_its_own(
    published: duckdb.DuckDBPyConnection, figure: Figure, bar_interval: str
) -> None:
    """Posts and authors of a bar are the same in any cut; scores are not, and are no metric."""
    bars = rows_of(
        published,
        f"""
        from marts.signal_bars
        where bar_interval = '{bar_interval}' and instrument in ('MARKET', 'NIFTY50')
        order by n_posts desc, instrument, bar_start limit 12
        """,
    )
    assert len(bars) == 12 or bar_interval == "1d"
    for bar in bars:
        condition = "posted_at >= ? and posted_at < ?"
        if bar["instrument"] != "MARKET":
            condition += f""" and tweet_id in (
                select tweet_id from processed.tweet_instruments where instrument = '{bar["instrument"]}'
            )"""
        span = bar["bar_start"], bar["bar_end"]
        assert figure("posts", posts_where(condition), *span) == bar["n_posts"]
        assert figure("authors", posts_where(condition), *span) == bar["n_authors"]


def test_sessions_of_the_market_are_its_daily_bars(
    published: duckdb.DuckDBPyConnection, figure: Figure
) -> None:
    (days,) = rows_of(
        published,
        """
        select
            count(score) as n_scored,
            count(*) filter (ci_method = 'sqrt_voice_jackknife_t') as n_told,
            count(*) filter (sign(ci_low) = sign(ci_high)) as n_leaning
        from marts.signal_bars
        where bar_interval = '1d' and instrument = 'MARKET'
        """,
    )
    assert days["n_told"]
    for metric, expected in {
        "scored_sessions": days["n_scored"],
        "sessions_with_interval": days["n_told"],
        "leaning_sessions": days["n_leaning"],
        "interval_rate": days["n_told"] / days["n_scored"],
        "lean_rate": days["n_leaning"] / days["n_told"],
    }.items():
        assert figure(metric, "instrument = 'MARKET'") == pytest.approx(expected), metric


def test_calls_of_an_author_are_their_track_record(
    published: duckdb.DuckDBPyConnection, figure: Figure
) -> None:
    authors = rows_of(
        published, "from marts.author_track_record order by n_rated desc, n_calls desc, author_key limit 15"
    )
    assert authors
    for author in authors:
        for metric, column in {
            "trade_calls": "n_calls",
            "judged_calls": "n_judged",
            "rated_calls": "n_rated",
            "target_hits": "n_target_first",
            "hit_rate": "hit_rate",
            "mean_net_return_pct": "mean_net_return_pct",
        }.items():
            shown = figure(metric, "author_key = ?", author["author_key"])
            assert shown == pytest.approx(author[column], abs=1e-9), metric


def test_campaigns_are_counted_by_kind(published: duckdb.DuckDBPyConnection, figure: Figure) -> None:
    kinds = dict(published.sql("select is_promotion, count(*) from marts.campaigns group by 1").fetchall())
    assert figure("campaigns") == sum(kinds.values())
    assert figure("promotional_campaigns") == kinds.get(True, 0)
    assert figure("promotional_campaign_rate") == pytest.approx(kinds.get(True, 0) / sum(kinds.values()))


def test_pictures_show_the_metrics_that_their_exposures_name(
    published: duckdb.DuckDBPyConnection, figure: Figure
) -> None:
    labels = sentiment_distribution.read(published).classes
    windows = signal_aggregation.read(published).windows
    campaigns = campaign_timeline.read(published).totals
    brief = market_brief.read(published)
    assert brief.outcomes is not None
    assert brief.hit_rate is not None
    assert brief.net_return is not None
    day, calls = ({name: column[0] for name, column in one.items()} for one in (brief.day, brief.outcomes))
    whole = {name: column[windows["window_name"] == "all"][0] for name, column in windows.items()}

    def mean(of: Any) -> float | None:
        return float(of["mean"][0]) if len(of["mean"]) else None

    shown = {
        "sentiment_distribution": {
            "posts": labels["n_posts"].sum(),
            "bullish_posts": labels["n_posts"][labels["sentiment_label"] == 1].sum(),
            "bearish_posts": labels["n_posts"][labels["sentiment_label"] == -1].sum(),
        },
        "signal_aggregation": {
            "posts": whole["n_posts"],
            "authors": whole["n_authors"],
            "mean_composite": whole["mean_composite"],
            "copy_rate": whole["n_copies"] / whole["n_posts"],
            "promotion_rate": whole["n_promo"] / whole["n_posts"],
        },
        "chatter_heatmap": {"posts": chatter_heatmap.read(published).slots["n_posts"].sum()},
        "campaign_timeline": {
            "campaigns": campaigns["n_campaigns"][0],
            "promotional_campaigns": campaigns["n_promotions"][0],
        },
        "market_brief": {
            "posts": day["n_posts"],
            "view_rate": (day["n_bullish"] + day["n_bearish"]) / day["n_posts"],
            "promotion_rate": day["n_promo"] / day["n_posts"],
            "copy_rate": day["n_copies"] / day["n_posts"],
            "trade_calls": calls["n_calls"],
            "judged_calls": calls["n_judged"],
            "rated_calls": calls["n_rated"],
            "target_hits": calls["n_targets"],
            "hit_rate": mean(brief.hit_rate),
            "mean_net_return_pct": mean(brief.net_return),
        },
    }
    exposures = yaml.safe_load((ROOT / "warehouse" / "models" / "exposures.yml").read_text())["exposures"]
    assert shown.keys() <= {exposure["name"] for exposure in exposures}
    for exposure in exposures:
        named = {word.split("'")[1] for word in exposure["depends_on"] if word.startswith("metric(")}
        assert named == shown.get(exposure["name"], {}).keys(), exposure["name"]
    of_day = posts_where(
        "posted_at > (select window_start from marts.signal_summary where window_name = '24h')"
    )
    of_posts = {"posts", "view_rate", "promotion_rate", "copy_rate"}
    for picture, figures in shown.items():
        for metric, value in figures.items():
            rows = of_day if picture == "market_brief" and metric in of_posts else "true"
            assert figure(metric, rows) == pytest.approx(value, abs=1e-9), (picture, metric)
