"""Great Expectations on a batch, before it lands: a bad batch never reaches a build.

Only what shows that a capture or parser went wrong as a whole is checked here; single bad
records pass, and the warehouse rejects them one by one with their reasons.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

import pyarrow as pa

from ingest import entities

if TYPE_CHECKING:
    from great_expectations.data_context import EphemeralDataContext
    from great_expectations.expectations import Expectation

# Shares ("at least half the texts …") say nothing about a handful of records.
SHARES_FROM_ROWS = 100
OUR_OWN = {"ingest_runs"}


def quiet_context() -> EphemeralDataContext:
    """A Great Expectations context that keeps nothing, draws no bars and reports to nobody.

    Importing the library takes seconds: call this where there is something to check.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def failures(entity: str, table: pa.Table) -> list[str]:
    """The entity's failed expectations, as sentences; empty where the batch is good.

    Our own records are counted, not captured: they have none, and do not wait for the library.
    """
    if entity in OUR_OWN:
        return []
    context = quiet_context()
    import great_expectations as gx

    module = import_module(f"{entities.__name__}.{entity}.expectations")
    expectations: list[Expectation] = module.expectations(with_shares=table.num_rows >= SHARES_FROM_ROWS)
    columns = sorted(
        {getattr(e, name) for e in expectations for name in _COLUMN_ARGUMENTS if hasattr(e, name)}
    )
    batch = (
        context.data_sources.add_pandas("landing")
        .add_dataframe_asset(entity)
        .add_batch_definition_whole_dataframe("batch")
        .get_batch({"dataframe": table.select(columns).to_pandas()})
    )
    result = batch.validate(gx.ExpectationSuite(entity, expectations=expectations))
    return [_sentence(outcome) for outcome in result.results if not outcome.success]


_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")


def _sentence(outcome: object) -> str:
    config = outcome.expectation_config  # type: ignore[attr-defined]
    found = outcome.result  # type: ignore[attr-defined]
    kwargs = {k: v for k, v in config.kwargs.items() if k != "batch_id" and v is not None}
    count = found.get("unexpected_count", "?")
    # A post's words stay out of logs and reports, where no purge would find them.
    sample = found.get("partial_unexpected_list", [])[:3] if kwargs.get("column") != "text" else "a text"
    raised = outcome.exception_info or {}  # type: ignore[attr-defined]
    error = f"; {raised['exception_message']}" if raised.get("raised_exception") else ""
    return (
        f"{config.type} {kwargs}: {count} of {found.get('element_count', '?')} fail, such as {sample}{error}"
    )
