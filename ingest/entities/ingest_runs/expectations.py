"""What a finished run's record must hold before it lands."""

from __future__ import annotations

from great_expectations import expectations as gxe


def expectations(*, with_shares: bool) -> list[gxe.Expectation]:
    """Every record counts; there are no shares to judge."""
    del with_shares
    return [
        gxe.ExpectColumnValuesToBeUnique(column="sighting_id"),
        gxe.ExpectColumnValuesToBeInSet(column="status", value_set=["succeeded", "interrupted", "failed"]),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="finished_at", column_B="started_at", or_equal=True
        ),
        gxe.ExpectColumnValuesToBeBetween(column="records_read", min_value=0),
    ]
