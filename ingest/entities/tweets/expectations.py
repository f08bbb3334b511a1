"""What a batch of tweet sightings must hold before it lands."""

from __future__ import annotations

from datetime import UTC, datetime

from great_expectations import expectations as gxe

FORMATS = ["x_graphql", "x_html", "x_api_v2", "x_api_v1", "twscrape", "snscrape", "tabular"]
X_BEGAN = datetime(2006, 3, 21, tzinfo=UTC)


def expectations(*, with_shares: bool) -> list[gxe.Expectation]:
    """Keys always; shares of readable values where the batch is large enough to have any."""
    keys: list[gxe.Expectation] = [
        gxe.ExpectColumnValuesToNotBeNull(column="sighting_id"),
        gxe.ExpectColumnValuesToBeUnique(column="sighting_id"),
        gxe.ExpectColumnValuesToNotBeNull(column="tweet_id"),
        gxe.ExpectColumnValuesToBeInSet(column="source_format", value_set=FORMATS),
    ]
    shares: list[gxe.Expectation] = [
        gxe.ExpectColumnValuesToMatchRegex(
            column="tweet_id", regex=r"^(?:[0-9]{1,20}|h[0-9a-f]{24})$", mostly=0.5
        ),
        gxe.ExpectColumnValuesToNotBeNull(column="text", mostly=0.5),
        gxe.ExpectColumnValuesToMatchRegex(column="text", regex=r"\w", mostly=0.5),
        gxe.ExpectColumnValuesToBeBetween(column="posted_at", min_value=X_BEGAN, mostly=0.5),
        gxe.ExpectColumnValuesToBeBetween(column="like_count", min_value=0, max_value=10**10, mostly=0.5),
    ]
    return [*keys, *shares] if with_shares else keys
