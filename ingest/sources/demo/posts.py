"""The demo's posters and their posts: who says what when, and what they copy from each other.

Only ``random.Random`` streams seeded by text, and exact arithmetic: no logarithms, powers, sets or
``hash()``, so that every machine writes the same day.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import accumulate
from math import isqrt
from random import Random

from ingest.sources.demo import market, phrases
from ingest.sources.demo.wording import altered, disguised, filled, hashtags, sentence, slots, with_link

SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
MINUTE_MS = 60_000
DAY_MS = 1440 * MINUTE_MS
LAST_MINUTE = 23 * 60 + 50

# Posts that land and that a row rule downstream has to catch.
VICTIMS = (
    "invisible_text", "control_text", "replacement_text", "unknown_time", "future",
    "negative_count", "absurd_count", "wordy_count",
)  # fmt: skip
# Entries that give no post: adverts, what X withholds, and what cannot be read.
NOT_POSTS = (
    "promoted", "tombstone", "unavailable", "preview", "no_result", "no_id", "no_legacy", "no_text",
    "empty_text",
)  # fmt: skip

# (minute of the IST day, relative number of posts a minute from then on)
_RHYTHM = (
    (0, 3), (60, 1), (330, 3), (420, 9), (480, 20), (525, 62), (570, 40), (600, 28), (660, 20), (720, 14),
    (750, 10), (810, 26), (870, 24), (900, 52), (945, 20), (1020, 11), (1140, 15), (1290, 8), (1380, 4),
)  # fmt: skip
_PHASES = ("pre", "live", "close")
_KINDS = ("view", "call", "booked", "levels", "pre", "live", "close", "news", "results", "learn", "ask",
          "other", "watch", "advert")  # fmt: skip
_MIX = {
    "pre": (13, 3, 0, 17, 22, 0, 0, 9, 0, 5, 3, 12, 4, 16),
    "live": (16, 8, 8, 9, 0, 20, 0, 5, 4, 3, 5, 9, 1, 15),
    "close": (13, 1, 6, 12, 0, 0, 21, 6, 9, 8, 3, 8, 0, 17),
}
_ROLES = dict.fromkeys(("pre", "live", "close", "news", "results"), "desk") | {"advert": "promoter"}
# English, Hinglish, Devanagari: by rank, so that the few who write most do not decide the mix.
_LANGUAGES = "EEHEEEHEDEEHEEEHEEHEEDEHE"
_LANGUAGE = {"E": "en", "H": "hg", "D": "hi"}


@dataclass(frozen=True, slots=True)
class Author:
    """An invented account. ``lean`` is the direction it argues for, 0 for most."""

    user_id: str
    handle: str
    name: str
    followers: int
    joined_ms: int
    lang: str
    lean: int
    style: str


@dataclass(slots=True)
class Post:
    """A post as its author left it, and how responses show it.

    ``peak`` holds the final likes, reposts, replies, quotes, views and bookmarks; half of them are
    reached ``pace_ms`` after posting. ``form`` is a member of VICTIMS or NOT_POSTS, ``limited``, or
    empty for a plain post. ``versions`` lists (posted_ms, id) of an edited post, oldest first.
    """

    tweet_id: str
    posted_ms: int
    author: Author
    text: str
    lang: str
    peak: tuple[int, ...]
    pace_ms: int
    links: dict[str, str] = field(default_factory=dict)
    form: str = ""
    quoted: Post | None = None
    reposted: Post | None = None
    reply_to: Post | None = None
    versions: list[tuple[int, str]] = field(default_factory=list)

    def counts(self, at_ms: int) -> list[int]:
        """The counts at a moment; they never fall."""
        age = max(at_ms - self.posted_ms, 0)
        return [peak * age // (age + self.pace_ms) for peak in self.peak]

    def searches(self) -> list[str]:
        """The searches that find it."""
        tags = re.findall(r"#\w+", (self.reposted or self).text.lower())
        return [search for search in phrases.SEARCHES if search in tags]


def compose(seed: int, trading_date: date, posts: int) -> list[Post]:
    """The day's posts by time: ``posts`` that can be read, and the entries that are none."""
    return _Day(seed, trading_date, posts).compose()


class _Day:
    """One day being written: its random stream, its market and its cast."""

    def __init__(self, seed: int, trading_date: date, posts: int) -> None:
        self.rng = Random(f"{seed}/{trading_date}/posts")
        self.posts = posts
        self.date = trading_date
        self.midnight = market.day_start_ms(trading_date)
        self.end = self.midnight + LAST_MINUTE * MINUTE_MS
        self.quotes = market.quotes(seed, trading_date)
        self.campaigns = [self.rng.randint(15, 40) for _ in range(posts // 700)] or [15]
        self.cast = self._cast(max(40, posts // 6))
        # A few write most: the n-th of a role posts about 1/n as often as the first.
        self.loudness = list(accumulate(1000 // (rank + 4) + 1 for rank in range(posts)))

    def compose(self) -> list[Post]:
        rng, posts = self.rng, self.posts
        copies, reposts, edits = max(12, posts // 22), max(2, posts // 35), max(2, posts // 350)
        pushed = self._pushed()
        own = self._originals(posts - copies - reposts - edits - len(pushed))
        day = [*own, *pushed, *self._copies(own, copies)]
        day += [self._repost(post) for post in rng.sample(own, reposts)]
        spoilt = len(VICTIMS) * max(1, posts // 900)
        changed = rng.sample([post for post in own if not post.quoted], edits + spoilt)
        day += [self._edit(post) for post in changed[:edits]]
        for number, post in enumerate(changed[edits:]):
            post.form = VICTIMS[number % len(VICTIMS)]
            if post.form in ("unknown_time", "future"):  # ids older than snowflakes carry no time
                post.tweet_id = str(rng.randrange(10**7, 10**9))
        adverts = [post for post in own if post.links]
        for form in NOT_POSTS:
            for post in rng.choices(adverts, k=max(1, posts // (120 if form == "promoted" else 1500))):
                day.append(replace(post, tweet_id=self._snowflake(post.posted_ms), form=form))
        return sorted(day, key=lambda post: (post.posted_ms, post.tweet_id))

    def _cast(self, regulars: int) -> dict[str, list[Author]]:
        rng = self.rng
        everyone = regulars + sum(self.campaigns)
        numbers = rng.sample(range(max(1000, everyone)), everyone)
        authors = [self._author(number, rank) for rank, number in enumerate(numbers)]
        desks, promoters = regulars // 12, regulars // 12 + regulars // 7
        traders = authors[promoters:regulars]
        for rank, lean in enumerate((-1, 1, -1, 1)):  # the loudest are known for one opinion each
            traders[rank] = replace(traders[rank], lean=lean, followers=4000 + 2500 * rank)
        return {
            "desk": [replace(author, style="plain") for author in authors[:desks]],
            "promoter": authors[desks:promoters],
            "trader": traders,
            "throwaway": [replace(author, followers=rng.randint(0, 60)) for author in authors[regulars:]],
        }

    def _author(self, number: int, rank: int) -> Author:
        rng = self.rng
        noun = phrases.NOUNS[number % len(phrases.NOUNS)]
        emoji = rng.choice(phrases.EMOJI["flat"].split())
        called = (f"{noun.title()} Desk", f"{noun.title()} {number}", f"The {noun.title()} {emoji}")
        return Author(
            user_id=str(9_000_000_000 + number * 7919),
            handle=f"demo_{noun}{number}",
            name=rng.choice(called),
            followers=min(int(90 / (1 - rng.random())), 800_000),
            joined_ms=self.midnight - rng.randrange(30, 4000) * DAY_MS,
            lang=_LANGUAGE[_LANGUAGES[rank % len(_LANGUAGES)]],
            lean=rng.choice((-1, 0, 0, 0, 0, 1)),
            style=rng.choice(("plain",) * 7 + ("lower", "lower", "shout")),
        )

    def _speaker(self, role: str) -> Author:
        pool = self.cast[role]
        return self.rng.choices(pool, cum_weights=self.loudness[: len(pool)])[0]

    def _originals(self, number: int) -> list[Post]:
        rng = self.rng
        minutes = [minute for minute, _ in _RHYTHM]
        widths = [until - start for start, until in zip(minutes, [*minutes[1:], LAST_MINUTE], strict=True)]
        weights = [width * rate for width, (_, rate) in zip(widths, _RHYTHM, strict=True)]
        stretches = rng.choices(range(len(_RHYTHM)), weights, k=number)
        moments = [
            minutes[stretch] * MINUTE_MS + rng.randrange(widths[stretch] * MINUTE_MS) for stretch in stretches
        ]
        own: list[Post] = []
        for rank, moment in enumerate(sorted(moments)):
            phase = _PHASES[bisect_right((market.OPEN_MS, market.CLOSE_MS), moment)]
            kind = rng.choices(_KINDS, _MIX[phase])[0]
            author = self._speaker(_ROLES.get(kind, "trader"))
            post = self._write("recap" if rank % 33 == 5 else kind, phase, author, self.midnight + moment)
            if rank % 20 == 3:
                post.reply_to = rng.choice(own[-60:])
                post.text = f"@{post.reply_to.author.handle} {post.text}"
            elif rank % 30 == 7:
                post.quoted = rng.choice(own[-200:])
                if rank % 90 == 7:  # X quotes across years: no part of the day
                    then = post.posted_ms - rng.randrange(300, 1200) * DAY_MS
                    post.quoted = replace(post.quoted, tweet_id=self._snowflake(then), posted_ms=then)
            elif rank % 40 == 9:
                post.form = "limited"
            own.append(post)
        return own

    def _write(self, kind: str, phase: str, author: Author, posted_ms: int) -> Post:
        rng, lang = self.rng, author.lang
        instruments = market.INSTRUMENTS[:4]
        index = rng.choices(instruments, [instrument.share for instrument in instruments])[0]
        values = slots(rng, self.quotes, index, self.date, posted_ms - self.midnight, author.lean)
        side = values["side"]
        if kind == "recap":
            parts = [sentence(rng, part, lang, values) for part in (phase, "levels", side)]
            while len("".join(parts)) < 300:
                parts.append(sentence(rng, rng.choice(("learn", "levels", side, "other")), lang, values))
            text = "\n\n".join(dict.fromkeys(parts))
        else:
            text = sentence(rng, side if kind == "view" else kind, lang, values)
        if author.style == "lower":
            text = text.lower()
        elif author.style == "shout" and "{link}" not in text:
            text = text.upper()
        text, links = with_link(rng, text) if "{link}" in text else (text, {})
        if rng.random() < 0.2:
            text += " " + rng.choice(phrases.EMOJI[side if kind in ("view", "call") else "flat"].split())
        text += rng.choice((" ", " ", "\n\n", "\n")) + hashtags(
            rng, index.symbol, 12 if kind == "advert" else 5
        )
        stated = rng.choice(("hi", "en", "in")) if lang == "hg" else lang
        return Post(self._snowflake(posted_ms), posted_ms, author, text, stated, *self._reach(author), links)

    def _reach(self, author: Author) -> tuple[tuple[int, ...], int]:
        """The post's ``peak`` and ``pace_ms``: most get next to nothing, a few go far."""
        rng = self.rng
        likes = min(int(isqrt(author.followers) / (1 - rng.random()) / 12), author.followers + 20)
        reposts, replies, bookmarks = (likes * rng.randint(0, most) // 100 for most in (30, 25, 20))
        views = likes * rng.randint(15, 60) + author.followers // 20 + rng.randint(3, 80)
        return (likes, reposts, replies, reposts // 6, views, bookmarks), rng.randint(15, 240) * MINUTE_MS

    def _snowflake(self, posted_ms: int) -> str:
        return str((posted_ms - SNOWFLAKE_EPOCH_MS) << 22 | self.rng.getrandbits(22))

    def _pushed(self) -> list[Post]:
        """Campaigns: each a burst of one advert by its own accounts, every copy disguised anew."""
        rng = self.rng
        accounts = iter(self.cast["throwaway"])
        adverts = [pattern for lang in ("en", "hg") for pattern in phrases.patterns("campaign", lang)]
        rng.shuffle(adverts)
        pushed: list[Post] = []
        for rank, size in enumerate(self.campaigns):
            crew = [next(accounts) for _ in range(size)]
            start = self.midnight + rng.randrange(8 * 60, 20 * 60) * MINUTE_MS
            burst = rng.randint(25, 100) * MINUTE_MS
            index = rng.choice(market.INSTRUMENTS[:3])
            values = slots(rng, self.quotes, index, self.date, start - self.midnight, 0)
            advert = filled(rng, adverts[rank % len(adverts)], values)
            for turn in range(size * 5 // 4):
                author, posted = crew[turn % size], start + rng.randrange(burst)
                text, links = with_link(rng, disguised(rng, advert))
                text += "\n" + hashtags(rng, rng.choice(("NIFTY50", "BANKNIFTY", "SENSEX")), 9)
                pushed.append(
                    Post(self._snowflake(posted), posted, author, text, "en", *self._reach(author), links)
                )
        return pushed

    def _copies(self, own: list[Post], number: int) -> list[Post]:
        """Chains of copies: every other chain exact, the rest each changing one word of the one before."""
        rng = self.rng
        models = [
            post for post in own if 15 <= len(post.text.split()) <= 40 and not (post.reply_to or post.quoted)
        ]
        copies: list[Post] = []
        for chain, model in enumerate(rng.sample(models, len(models))):
            last = model
            for _ in range(min(rng.randint(2, 5), number - len(copies))):
                posted = min(
                    last.posted_ms + rng.randint(1, 150) * MINUTE_MS + rng.randrange(MINUTE_MS), self.end
                )
                author = self._speaker(rng.choice(("promoter", "trader")))
                text = last.text if chain % 2 else altered(rng, last.text)
                peak, pace_ms = self._reach(author)
                last = replace(
                    last, tweet_id=self._snowflake(posted), posted_ms=posted, author=author, text=text,
                    peak=peak, pace_ms=pace_ms, form="",
                )  # fmt: skip
                copies.append(last)
        return copies

    def _repost(self, post: Post) -> Post:
        posted = self.rng.randint(post.posted_ms + 1000, self.end + MINUTE_MS)
        author = self._speaker("trader")
        text = f"RT @{post.author.handle}: {post.text}"
        text = text if len(text) <= 140 else text[:139] + "…"
        return Post(
            self._snowflake(posted), posted, author, text, post.lang, *self._reach(author), reposted=post
        )

    def _edit(self, post: Post) -> Post:
        """A new version within X's hour; both know of each other from then on."""
        posted = min(post.posted_ms + self.rng.randint(2, 55) * MINUTE_MS, self.end + MINUTE_MS)
        text = altered(self.rng, post.text)
        edited = replace(post, tweet_id=self._snowflake(posted), posted_ms=posted, text=text)
        post.versions = edited.versions = [(post.posted_ms, post.tweet_id), (posted, edited.tweet_id)]
        return edited
