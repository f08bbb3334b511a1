"""The purge entity's one schema: whose posts are removed from every layer, and kept out."""

from __future__ import annotations

import pyarrow as pa

from ingest.entities import PROVENANCE, UTC_US, column

ENTITY = "purges"


SCHEMA = pa.schema(
    [
        column(
            "scope",
            pa.string(),
            "post: that post and its reposts; author: all of the author's.",
            nullable=False,
        ),
        column("tweet_id", pa.string(), "Id of the purged post; null for an author."),
        column("author_id", pa.string(), "X's numeric id of the purged author, where it is known."),
        column("author_handle", pa.string(), "Screen name of the purged author, lower-cased, without '@'."),
        column("reason", pa.string(), "Why, as given: requested, deleted, suspended, protected, withheld, …"),
        column("requested_at", UTC_US, "When the purge was asked for.", nullable=False),
        *PROVENANCE,
    ]
)
