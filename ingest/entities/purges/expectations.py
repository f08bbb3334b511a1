"""What a batch of purges must hold before it lands: each row names whom it means."""

from __future__ import annotations

from great_expectations import expectations as gxe


def expectations(*, with_shares: bool) -> list[gxe.Expectation]:
    """Keys only: a list of purges has no shape that a share could judge."""
    del with_shares
    return [
        gxe.ExpectColumnValuesToNotBeNull(column="sighting_id"),
        gxe.ExpectColumnValuesToBeUnique(column="sighting_id"),
        gxe.ExpectColumnValuesToBeInSet(column="scope", value_set=["post", "author"]),
        gxe.ExpectColumnValuesToMatchRegex(column="tweet_id", regex=r"^(?:[0-9]{1,19}|h[0-9a-f]{24})$"),
        gxe.ExpectColumnValuesToMatchRegex(column="author_id", regex=r"^[0-9]{1,19}$"),
        gxe.ExpectColumnValuesToMatchRegex(column="author_handle", regex=r"^[a-z0-9_]{1,15}$"),
    ]
