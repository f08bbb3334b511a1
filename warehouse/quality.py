"""``python -m warehouse.quality``: Great Expectations on the published tables, as HTML under reports/.

    published file ──at most SAMPLE_ROWS rows a table──> frames ──> suites ──> reports/quality/index.html

The gates that stop a build are dbt's contracts and tests. This is the report that people read, and
its exit status says the same thing: 0 where every expectation holds, 1 where one does not.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import duckdb

from config import Settings, settings

if TYPE_CHECKING:
    import great_expectations as gx

# Bounds memory whatever a table's size; a sample of this size finds any defect of one row in 10,000.
SAMPLE_ROWS = 1_000_000


def suites() -> dict[str, list[gx.expectations.Expectation]]:
    """Expectations by published table."""
    from great_expectations import expectations as gxe

    def share(column: str, low: float = 0.0) -> gx.expectations.Expectation:
        return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=1)

    return {
        "validated.tweets": [
            gxe.ExpectColumnValuesToBeUnique(column="tweet_id"),
            gxe.ExpectColumnValuesToNotBeNull(column="posted_at"),
            gxe.ExpectColumnValuesToNotBeNull(column="author_key"),
            gxe.ExpectColumnValueLengthsToBeBetween(column="text_normalised", min_value=1, max_value=25_000),
            gxe.ExpectColumnValueLengthsToEqual(column="content_hash", value=64),
            gxe.ExpectColumnValuesToBeBetween(column="n_sightings", min_value=1),
            gxe.ExpectColumnValuesToBeBetween(column="like_count", min_value=0, max_value=10**10),
            gxe.ExpectColumnValuesToBeBetween(column="retweet_count", min_value=0, max_value=10**10),
            gxe.ExpectColumnValuesToBeBetween(column="reply_count", min_value=0, max_value=10**10),
        ],
        "signals.tweet_signals": [
            gxe.ExpectColumnValuesToBeUnique(column="tweet_id"),
            share("sentiment", low=-1),
            gxe.ExpectColumnValuesToBeInSet(column="sentiment_label", value_set=[-1, 0, 1]),
            share("p_view"),
            share("p_promo"),
            share("engagement"),
            share("custom_score", low=-1),
            share("composite", low=-1),
            gxe.ExpectColumnValuesToBeBetween(column="weight", min_value=0, max_value=2),
        ],
        "marts.signal_bars": [
            gxe.ExpectCompoundColumnsToBeUnique(
                column_list=["channel", "instrument", "bar_interval", "bar_start"]
            ),
            share("score", low=-1),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="bar_end", column_B="bar_start"),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A="available_at", column_B="bar_end", or_equal=True
            ),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A="ci_high", column_B="ci_low", ignore_row_if="either_value_is_missing"
            ),
            gxe.ExpectColumnValuesToBeBetween(column="n_authors", min_value=1),
        ],
        "validated.price_bars": [
            gxe.ExpectCompoundColumnsToBeUnique(column_list=["symbol", "bar_interval", "bar_start"]),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="high", column_B="low", or_equal=True),
            gxe.ExpectColumnValuesToBeBetween(column="close", min_value=0, strict_min=True),
        ],
    }


def report(config: Settings) -> list[str]:
    """Validate the published tables and write the report; returns what failed, as sentences.

    Raises:
        FileNotFoundError: nothing has been published under the data root.
    """
    if not config.published_db.exists():
        raise FileNotFoundError(f"{config.published_db} does not exist: run make build first")
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    folder = config.reports / "quality"
    shutil.rmtree(folder, ignore_errors=True)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    for site in context.list_data_docs_sites():
        context.delete_data_docs_site(site)
    context.add_data_docs_site(
        site_name="quality",
        site_config={
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    frames = context.data_sources.add_pandas("published")
    failed = []
    with duckdb.connect(str(config.published_db), read_only=True) as connection:
        for table, expectations in suites().items():
            columns = sorted({c for e in expectations for c in _columns(e)})
            frame = connection.sql(
                f"select {', '.join(columns)} from {table} using sample reservoir({SAMPLE_ROWS} rows) repeatable (1)"
            ).df()
            batch = frames.add_dataframe_asset(table).add_batch_definition_whole_dataframe("sample")
            suite = context.suites.add(gx.ExpectationSuite(table, expectations=expectations))
            definition = context.validation_definitions.add(
                gx.ValidationDefinition(name=table, data=batch, suite=suite)
            )
            result = definition.run(batch_parameters={"dataframe": frame})
            failed += [
                f"{table}: {outcome.expectation_config.type} {outcome.expectation_config.kwargs.get('column', '')}"
                for outcome in result.results
                if not outcome.success
            ]
            print(f"{table}: {len(frame):,} rows, {len(result.results)} expectations")
    context.build_data_docs()
    return failed


def _columns(expectation: gx.expectations.Expectation) -> list[str]:
    named = [getattr(expectation, name, None) for name in ("column", "column_A", "column_B")]
    return [*filter(None, named), *getattr(expectation, "column_list", [])]


def main() -> int:
    """Write the report; returns the exit status."""
    config = settings()
    try:
        failed = report(config)
    except FileNotFoundError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for sentence in failed:
        print(f"FAILED {sentence}")
    print(f"report: {config.reports / 'quality' / 'index.html'}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
