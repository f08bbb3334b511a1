"""The price bar entity's one schema: a sighting of an OHLC bar, as captured."""

from __future__ import annotations

import pyarrow as pa

from ingest.entities import PROVENANCE, UTC_US, column

ENTITY = "price_bars"


SCHEMA = pa.schema(
    [
        column("symbol", pa.string(), "Instrument as named by the file, upper case.", nullable=False),
        column("bar_interval", pa.string(), "Length of the bar: 1min, 3min, 15min, 1h, 1d.", nullable=False),
        column(
            "bar_start",
            UTC_US,
            "Start of the bar; a daily bar starts at 00:00 IST of its date.",
            nullable=False,
        ),
        column("open", pa.float64(), "First price, in the instrument's own unit."),
        column("high", pa.float64(), "Highest price."),
        column("low", pa.float64(), "Lowest price."),
        column("close", pa.float64(), "Last price."),
        column("volume", pa.int64(), "Traded quantity; 0 for an index."),
        column("observed_at", UTC_US, "When the capture saw it; null where the file does not say."),
        column(
            "time_basis",
            pa.string(),
            "How the file's clock was read: naive_ist, naive_utc, offset, date.",
            nullable=False,
        ),
        *PROVENANCE,
    ]
)
