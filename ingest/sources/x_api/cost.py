"""What reading from the official API costs: the most it can be, and what it came to. Pure.

X charges for every post it returns, once a day (UTC) each. Authors and quoted posts that come with them
are on its price list, too; whether they are charged, only the console tells.
"""

from __future__ import annotations

from config import Settings
from ingest.entities.tweets.capture import dig


class Bill:
    """What has been read: ids of posts, and of the users and other posts that came with them."""

    def __init__(self) -> None:
        self.posts: set[str] = set()
        self.others: set[str] = set()
        self.users: set[str] = set()

    def take(self, response: object) -> None:
        """Add an answer of the API."""
        self.posts |= _ids(dig(response, "data"))
        self.others |= _ids(dig(response, "includes", "tweets"))
        self.users |= _ids(dig(response, "includes", "users"))

    def line(self, settings: Settings) -> str:
        """What it came to, by the settings' prices."""
        others = self.others - self.posts
        aside = len(others) * settings.x_api_post_usd + len(self.users) * settings.x_api_user_usd
        price = len(self.posts) * settings.x_api_post_usd
        return (
            f"{len(self.posts):,} posts were read, for about ${price:,.2f};"
            f" {len(self.users):,} users and {len(others):,} other posts came with them (about ${aside:,.2f},"
            " where X charges those)."
        )


def _ids(listed: object) -> set[str]:
    items = listed if isinstance(listed, list) else []
    return {found for item in items if isinstance(found := dig(item, "id"), str)}


def estimate(settings: Settings, max_posts: int, known: int | None = None) -> str:
    """The most that a run may cost; ``known`` is how many posts there can be at all, where that is known."""
    most = max_posts if known is None else min(max_posts, known)
    return (
        f"At most {most:,} posts will be read: about ${most * settings.x_api_post_usd:,.2f} at"
        f" ${settings.x_api_post_usd:g} each, and up to ${most * settings.x_api_user_usd:,.2f} more for their"
        " authors where X charges those (quoted posts come on top). --max-posts sets the limit."
    )
