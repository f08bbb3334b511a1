"""The ingest run entity's one schema: a finished run and what became of its records."""

from __future__ import annotations

import pyarrow as pa

from ingest.entities import PROVENANCE, UTC_US, column

ENTITY = "ingest_runs"

SCHEMA = pa.schema(
    [
        column("entity", pa.string(), "Entity whose records are counted.", nullable=False),
        column("arguments", pa.string(), "Arguments of the run, as given.", nullable=False),
        column("status", pa.string(), "succeeded, interrupted or failed.", nullable=False),
        column("started_at", UTC_US, "When the run started.", nullable=False),
        column("finished_at", UTC_US, "When the run ended.", nullable=False),
        column("records_read", pa.int64(), "Records the source yielded.", nullable=False),
        column("records_landed", pa.int64(), "Records new to the landing zone.", nullable=False),
        column("records_unchanged", pa.int64(), "Records whose sighting had landed before.", nullable=False),
        column("records_excluded", pa.int64(), "Records that by rule are not results.", nullable=False),
        column("records_quarantined", pa.int64(), "Records that could not be landed.", nullable=False),
        column("excluded_by_reason", pa.map_(pa.string(), pa.int64()), "Excluded records by reason."),
        column("requests", pa.int64(), "Requests the run made of a site; null where it asks none."),
        column("request_faults", pa.int64(), "Requests among them that failed."),
        column("message", pa.string(), "What ended the run, where it did not succeed."),
        *PROVENANCE,
    ]
)
