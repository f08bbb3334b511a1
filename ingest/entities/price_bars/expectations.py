"""What a batch of price bar sightings must hold before it lands."""

from __future__ import annotations

from great_expectations import expectations as gxe


def expectations(*, with_shares: bool) -> list[gxe.Expectation]:
    """Keys always; sane prices where the batch is large enough to judge."""
    keys: list[gxe.Expectation] = [
        gxe.ExpectColumnValuesToNotBeNull(column="sighting_id"),
        gxe.ExpectColumnValuesToBeUnique(column="sighting_id"),
        gxe.ExpectColumnValuesToNotBeNull(column="bar_start"),
        gxe.ExpectColumnValuesToNotBeNull(column="symbol"),
        gxe.ExpectColumnValuesToMatchRegex(column="bar_interval", regex=r"^[0-9]+(?:min|h|d)$"),
    ]
    shares: list[gxe.Expectation] = [
        gxe.ExpectColumnValuesToMatchRegex(column="symbol", regex=r"^[A-Z0-9&_.^-]+$", mostly=0.9),
        gxe.ExpectColumnValuesToBeBetween(column="close", min_value=0, strict_min=True, mostly=0.9),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="high", column_B="low", or_equal=True, mostly=0.9
        ),
    ]
    return [*keys, *shares] if with_shares else keys
