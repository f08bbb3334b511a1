"""The tweet entity's one schema: a sighting of a post, as captured."""

from __future__ import annotations

import pyarrow as pa

from ingest.entities import PROVENANCE, UTC_US, column

ENTITY = "tweets"


SCHEMA = pa.schema(
    [
        column(
            "tweet_id", pa.string(), "X's id, or a stable derived id that starts with 'h'.", nullable=False
        ),
        column("is_derived_id", pa.bool_(), "The capture held no id; ours is a hash.", nullable=False),
        column("author_id", pa.string(), "X's numeric id of the author."),
        column("author_handle", pa.string(), "Screen name as captured, without '@'."),
        column("author_name", pa.string(), "Display name."),
        column("author_followers", pa.int64(), "Followers of the author at the sighting."),
        column("text", pa.string(), "The post's full text as captured."),
        column("lang", pa.string(), "Language code as stated by the capture."),
        column("posted_at", UTC_US, "When it was posted; from the id where the id carries the time."),
        column("posted_at_basis", pa.string(), "'id' or 'stated'; null where the time is unknown."),
        column("observed_at", UTC_US, "When the capture saw it; null where the file does not say."),
        column("like_count", pa.int64(), "Likes at the sighting."),
        column("retweet_count", pa.int64(), "Reposts at the sighting."),
        column("reply_count", pa.int64(), "Replies at the sighting."),
        column("quote_count", pa.int64(), "Quotes at the sighting."),
        column("view_count", pa.int64(), "Views at the sighting."),
        column("bookmark_count", pa.int64(), "Bookmarks at the sighting."),
        column("hashtags", pa.list_(pa.string()), "Hashtags as stated, without '#'."),
        column("mentions", pa.list_(pa.string()), "Mentioned handles as stated, without '@'."),
        column("cashtags", pa.list_(pa.string()), "Cashtags as stated, without '$'."),
        column("urls", pa.list_(pa.string()), "Expanded links as stated."),
        column("conversation_id", pa.string(), "Id of the thread's first post."),
        column("in_reply_to_tweet_id", pa.string(), "Id of the post it replies to."),
        column("quoted_tweet_id", pa.string(), "Id of the post it quotes."),
        column("retweeted_tweet_id", pa.string(), "Id of the post it reposts."),
        column("edit_tweet_ids", pa.list_(pa.string()), "All versions of an edited post, oldest first."),
        column("search_query", pa.string(), "The search or hashtag that found it."),
        column(
            "source_format",
            pa.string(),
            "x_graphql, x_html, x_api_v2, x_api_v1, twscrape, snscrape, tabular.",
            nullable=False,
        ),
        column(
            "parse_warnings",
            pa.list_(pa.string()),
            "What the parser had to guess or drop, as codes.",
            nullable=False,
        ),
        *PROVENANCE,
    ]
)
