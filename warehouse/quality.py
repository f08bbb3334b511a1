"""``python -m warehouse.quality``: Great Expectations on the published tables, as pages under reports/.

    published file ──at most SAMPLE_ROWS rows a table──> frames ──> suites ──> data docs
                   └─ marts.data_quality ──────────────────────────────────> quality.html, the front page

The gates that stop a build are dbt's contracts and tests. These are the pages that people read, and
the exit status says the same thing: 0 where every expectation holds, 1 where one does not.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from config import ConfigError, Settings, settings
from ingest.batch_checks import quiet_context
from ingest.files import atomic_file

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation

# Bounds memory whatever a table's size; a sample of this size finds any defect of one row in 10,000.
SAMPLE_ROWS = 1_000_000


@dataclass(frozen=True)
class Finding:
    """One expectation's outcome on one table."""

    table: str
    expectation: str
    is_met: bool
    rows: int
    unexpected: int


def suites() -> dict[str, list[Expectation]]:
    """Expectations by published table."""
    from great_expectations import expectations as gxe

    def between(column: str, low: float, high: float) -> Expectation:
        return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high)

    def ordered(later: str, earlier: str) -> Expectation:
        return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=later, column_B=earlier, or_equal=True, ignore_row_if="either_value_is_missing"
        )

    return {
        "validated.tweets": [
            gxe.ExpectColumnValuesToBeUnique(column="tweet_id"),
            gxe.ExpectColumnValuesToNotBeNull(column="posted_at"),
            gxe.ExpectColumnValuesToNotBeNull(column="author_key"),
            gxe.ExpectColumnValueLengthsToBeBetween(column="text_normalised", min_value=1, max_value=25_000),
            gxe.ExpectColumnValueLengthsToEqual(column="content_hash", value=64),
            gxe.ExpectColumnValuesToBeBetween(column="n_sightings", min_value=1),
            between("like_count", 0, 1e10),
            between("retweet_count", 0, 1e10),
            between("reply_count", 0, 1e10),
            ordered("last_seen_at", "first_seen_at"),
        ],
        "signals.tweet_signals": [
            gxe.ExpectColumnValuesToBeUnique(column="tweet_id"),
            gxe.ExpectColumnValuesToBeInSet(column="sentiment_label", value_set=[-1, 0, 1]),
            between("sentiment", -1, 1),
            between("p_view", 0, 1),
            between("p_promo", 0, 1),
            between("engagement", 0, 1),
            between("custom_score", -1, 1),
            between("composite", -1, 1),
            between("weight", 0, 2),
        ],
        "marts.signal_bars": [
            gxe.ExpectCompoundColumnsToBeUnique(
                column_list=["channel", "instrument", "bar_interval", "bar_start"]
            ),
            between("score", -1, 1),
            between("n_authors", 1, 1e9),
            ordered("bar_end", "bar_start"),
            ordered("available_at", "bar_end"),
            ordered("ci_high", "ci_low"),
        ],
        "validated.price_bars": [
            gxe.ExpectCompoundColumnsToBeUnique(column_list=["symbol", "bar_interval", "bar_start"]),
            gxe.ExpectColumnValuesToBeBetween(column="close", min_value=0, strict_min=True),
            ordered("high", "low"),
        ],
    }


def report(config: Settings) -> list[Finding]:
    """Validate the published tables, write the pages, return every finding.

    Raises:
        FileNotFoundError: nothing has been published under the data root.
    """
    if not config.published_db.exists():
        raise FileNotFoundError(f"{config.published_db} does not exist: run make build first")
    context = quiet_context()
    import great_expectations as gx

    docs = config.reports / "data_docs"
    shutil.rmtree(docs, ignore_errors=True)
    for site in list(context.list_data_docs_sites()):
        context.delete_data_docs_site(site)
    context.add_data_docs_site(
        site_name="quality",
        site_config={
            "class_name": "SiteBuilder",
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    frames = context.data_sources.add_pandas("published")
    findings = []
    with duckdb.connect(str(config.published_db), read_only=True) as connection:
        for table, expectations in suites().items():
            columns = sorted({column for expectation in expectations for column in _columns(expectation)})
            frame = connection.sql(
                f"select {', '.join(columns)} from {table}"
                f" using sample reservoir({SAMPLE_ROWS} rows) repeatable (1)"
            ).df()
            batch = frames.add_dataframe_asset(table).add_batch_definition_whole_dataframe("sample")
            suite = context.suites.add(gx.ExpectationSuite(table, expectations=expectations))
            definition = context.validation_definitions.add(
                gx.ValidationDefinition(name=table, data=batch, suite=suite)
            )
            for outcome in definition.run(batch_parameters={"dataframe": frame}).results:
                unexpected = outcome.result.get("unexpected_count", 0)
                findings.append(
                    Finding(table, _words(outcome), bool(outcome.success), len(frame), unexpected)
                )
        checks = connection.sql(
            "select entity, check_name, status, observed, expected, meaning"
            " from marts.data_quality order by all"
        ).fetchall()
    context.build_data_docs()
    with atomic_file(front_page(config)) as page:
        page.write_text(_page(checks, findings), encoding="utf-8")
    return findings


def front_page(config: Settings) -> Path:
    """Where the report starts."""
    return config.reports / "quality.html"


def _columns(expectation: Expectation) -> list[str]:
    named = [getattr(expectation, name, None) for name in ("column", "column_A", "column_B")]
    return [*filter(None, named), *getattr(expectation, "column_list", [])]


def _words(outcome: object) -> str:
    config = outcome.expectation_config  # type: ignore[attr-defined]
    hidden = {"batch_id", "ignore_row_if"}
    details = ", ".join(f"{name} {value}" for name, value in config.kwargs.items() if name not in hidden)
    return f"{config.type.removeprefix('expect_').replace('_', ' ')}: {details}"


_STYLE = """
body {
  font: 15px/1.45 system-ui, sans-serif; color: #222;
  max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
}
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem }
th, td { text-align: left; padding: .3rem .7rem; border-bottom: 1px solid #ddd; vertical-align: top }
.pass { color: #00614a } .warn { color: #8a5a00 } .fail { color: #a3231f; font-weight: 600 }
"""


def _page(checks: Sequence[Sequence[object]], findings: Sequence[Finding]) -> str:
    """The front page: self-contained, since the data docs' own pages fetch their style from the network."""
    failed = sum(not finding.is_met for finding in findings)
    summary = (
        f"{len(findings)} expectations, {failed} not met"
        if failed
        else f"All {len(findings)} expectations hold"
    )
    checked = _table(
        ("status", "entity", "check", "observed", "expected", "what is counted"),
        [
            (_status(str(status)), *map(_cell, (entity, name, observed, expected, meaning)))
            for entity, name, status, observed, expected, meaning in checks
        ],
    )
    expected = _table(
        ("status", "table", "expectation", "rows", "unexpected"),
        [
            (
                _status("pass" if finding.is_met else "fail"),
                *map(_cell, (finding.table, finding.expectation, finding.rows, finding.unexpected)),
            )
            for finding in findings
        ],
    )
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Data quality</title>"
        f"<style>{_STYLE}</style><h1>Data quality</h1><p>{summary}. Details per table:"
        " <a href='data_docs/index.html'>Great Expectations data docs</a>.</p>"
        f"<h2>Checks of the build</h2>{checked}"
        f"<h2>Expectations of the published tables</h2>{expected}</html>\n"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    titles = "".join(f"<th>{title}</th>" for title in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{titles}</tr>{body}</table>"


def _status(status: str) -> str:
    return f"<span class='{status}'>{status}</span>"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return (
        f"{value:,.4g}"
        if isinstance(value, float) and value < 1
        else (f"{value:,.0f}" if isinstance(value, int | float) else escape(str(value)))
    )


def main() -> int:
    """Write the pages; returns the exit status."""
    try:
        config = settings()
        findings = report(config)
    except duckdb.IOException as error:
        print(
            f"error: the published file cannot be read; who holds it must open it read-only: {error}",
            file=sys.stderr,
        )
        return 2
    except (ConfigError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for finding in findings:
        if not finding.is_met:
            print(
                f"FAILED {finding.table}: {finding.expectation}"
                f" ({finding.unexpected:,} of {finding.rows:,} rows)"
            )
    print(
        f"{len(findings)} expectations, {sum(not f.is_met for f in findings)} not met → {front_page(config)}"
    )
    return 0 if all(finding.is_met for finding in findings) else 1


if __name__ == "__main__":
    raise SystemExit(main())
