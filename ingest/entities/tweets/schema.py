"""The tweet entity's one schema: a sighting of a post, as captured."""

from __future__ import annotations

import pyarrow as pa

from ingest.entities import PROVENANCE, UTC_US

ENTITY = "tweets"


def _column(name: str, kind: pa.DataType, description: str, nullable: bool = True) -> pa.Field:
    return pa.field(name, kind, nullable, metadata={"description": description})


SCHEMA = pa.schema(
    [
        _column("tweet_id", pa.string(), "X's id, or a stable derived id that starts with 'h'.", False),
        _column("is_derived_id", pa.bool_(), "The capture held no id; ours is a hash.", False),
        _column("author_id", pa.string(), "X's numeric id of the author."),
        _column("author_handle", pa.string(), "Screen name as captured, without '@'."),
        _column("author_name", pa.string(), "Display name."),
        _column("author_followers", pa.int64(), "Followers of the author at the sighting."),
        _column("text", pa.string(), "The post's full text as captured."),
        _column("lang", pa.string(), "Language code as stated by the capture."),
        _column("posted_at", UTC_US, "When it was posted; from the id where the id carries the time."),
        _column("posted_at_basis", pa.string(), "'id' or 'stated'; null where the time is unknown."),
        _column("observed_at", UTC_US, "When the capture saw it; null where the file does not say."),
        _column("like_count", pa.int64(), "Likes at the sighting."),
        _column("retweet_count", pa.int64(), "Reposts at the sighting."),
        _column("reply_count", pa.int64(), "Replies at the sighting."),
        _column("quote_count", pa.int64(), "Quotes at the sighting."),
        _column("view_count", pa.int64(), "Views at the sighting."),
        _column("bookmark_count", pa.int64(), "Bookmarks at the sighting."),
        _column("hashtags", pa.list_(pa.string()), "Hashtags as stated, without '#'."),
        _column("mentions", pa.list_(pa.string()), "Mentioned handles as stated, without '@'."),
        _column("cashtags", pa.list_(pa.string()), "Cashtags as stated, without '$'."),
        _column("urls", pa.list_(pa.string()), "Expanded links as stated."),
        _column("conversation_id", pa.string(), "Id of the thread's first post."),
        _column("in_reply_to_tweet_id", pa.string(), "Id of the post it replies to."),
        _column("quoted_tweet_id", pa.string(), "Id of the post it quotes."),
        _column("retweeted_tweet_id", pa.string(), "Id of the post it reposts."),
        _column("edit_tweet_ids", pa.list_(pa.string()), "All versions of an edited post, oldest first."),
        _column("search_query", pa.string(), "The search or hashtag that found it."),
        _column("source_format", pa.string(), "x_graphql, x_api_v2, x_api_v1, twscrape, snscrape, tabular.", False),
        _column("parse_warnings", pa.list_(pa.string()), "What the parser had to guess or drop, as codes.", False),
        *PROVENANCE,
    ]
)
