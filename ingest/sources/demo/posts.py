"""The demo's posters and their posts: who says what when, and what they copy from each other.

Only ``random.Random`` streams seeded by text, and exact arithmetic: no logarithms, powers, sets or
``hash()``, so that every machine writes the same day.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import date
from math import isqrt
from random import Random

from ingest.sources.demo import market
from ingest.sources.demo.phrases import (
    COMPANIES, EMOJI, FILLERS, HOME_TAG, NAMES, NOUNS, OTHER_TAGS, SEARCHES, TICKERS, patterns,
)  # fmt: skip

SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
MINUTE_MS = 60_000
LAST_MINUTE = 23 * 60 + 50

# Rows that land and that a row rule downstream has to catch.
VICTIMS = (
    "empty_text", "no_text", "control_text", "replacement_text", "unknown_time", "future",
    "negative_count", "absurd_count", "wordy_count",
)  # fmt: skip
# Entries of a response that are no post: adverts, and what cannot be read.
NOT_POSTS = ("promoted", "tombstone", "unavailable", "preview", "no_result", "no_id", "no_legacy")

# (minute of the IST day, relative number of posts a minute from then on)
_RHYTHM = (
    (0, 3), (60, 1), (330, 3), (420, 9), (480, 20), (525, 62), (570, 40), (600, 28), (660, 20), (720, 14),
    (750, 10), (810, 26), (870, 24), (900, 52), (945, 20), (1020, 11), (1140, 15), (1290, 8), (1380, 4),
)  # fmt: skip
_KINDS = {
    "pre": "view 13 call 3 levels 17 pre 22 news 9 learn 5 ask 3 other 12 watch 4 advert 16",
    "live": "view 16 call 8 booked 8 levels 9 live 20 news 5 results 4 ask 5 learn 3 other 9 watch 1 advert 15",
    "close": "view 13 call 1 booked 6 levels 12 close 21 news 6 results 9 learn 8 ask 3 other 8 advert 17",
}
_ROLES = {"pre": "desk", "live": "desk", "close": "desk", "news": "desk", "results": "desk", "advert": "promoter"}
# Language by rank, so that the few who write most do not decide the mix.
_LANGUAGES = "en en hg en en en hg en hi en en hg en en en hg en en hg en en hi en hg en".split()
_DEVANAGARI_SHORT = {"up": "ऊपर", "down": "नीचे"}


@dataclass(frozen=True, slots=True)
class Author:
    """An invented account. ``lean`` is the direction it always argues for, 0 for most."""

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
    """A post, and how a response shows it (``form``: a member of VICTIMS or NOT_POSTS, ``limited`` or plain).

    ``peak`` holds the final likes, reposts, replies, quotes, views and bookmarks, half of which are
    reached ``pace_ms`` after posting. ``versions`` lists (posted_ms, id) of every edit.
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
        return [search for search in SEARCHES if search in tags]


def compose(seed: int, trading_date: date, posts: int) -> list[Post]:
    """The day's posts by time: ``posts`` that can be read, and the entries that are none."""
    return _Day(seed, trading_date).compose(posts)


class _Day:
    """One day being written; the state is the random stream, the market and the cast."""

    def __init__(self, seed: int, trading_date: date) -> None:
        self.rng = Random(f"{seed}/{trading_date}/posts")
        self.date = trading_date
        self.midnight = market.day_start_ms(trading_date)
        self.end = self.midnight + LAST_MINUTE * MINUTE_MS
        self.series = market.prices(seed, trading_date)

    def compose(self, posts: int) -> list[Post]:
        copies, reposts, edits = max(12, posts // 22), max(2, posts // 35), max(2, posts // 350)
        campaigns = [self.rng.randint(15, 40) for _ in range(posts // 700)] or [15]
        pushes = sum(campaigns) * 5 // 4
        self.cast = self._cast(max(40, posts // 6), sum(campaigns))
        own = self._originals(posts - copies - reposts - edits - pushes)
        day = [*own, *self._pushes(campaigns, pushes), *self._copies(own, copies)]
        day += [self._repost(self.rng.choice(own)) for _ in range(reposts)]
        plain = self.rng.sample([post for post in own if not post.quoted], edits + len(VICTIMS) * max(1, posts // 900))
        day += [self._edit(post) for post in plain[:edits]]
        for number, post in enumerate(plain[edits:]):
            self._spoil(post, VICTIMS[number % len(VICTIMS)])
        for number, form in enumerate(NOT_POSTS):
            for post in self.rng.sample(own, max(1, posts // (1500 if number else 120))):
                day.append(replace(post, tweet_id=self._snowflake(post.posted_ms), form=form, versions=[]))
        return sorted(day, key=lambda post: (post.posted_ms, post.tweet_id))

    # --- who ---

    def _cast(self, regulars: int, throwaways: int) -> dict[str, list[Author]]:
        numbers = self.rng.sample(range(max(1000, regulars + throwaways)), regulars + throwaways)
        authors = [self._author(number, rank) for rank, number in enumerate(numbers[:regulars])]
        desks, promoters = regulars // 12, regulars // 7
        cast = {
            "desk": [replace(author, lean=0, style="plain") for author in authors[:desks]],
            "promoter": authors[desks : desks + promoters],
            "trader": authors[desks + promoters :],
        }
        # The loudest four are known for one opinion each.
        for rank, lean in enumerate((-1, 1, -1, 1)):
            cast["trader"][rank] = replace(cast["trader"][rank], lean=lean, followers=4000 + 2500 * rank)
        cast["throwaway"] = [
            replace(self._author(number, rank), followers=self.rng.randint(0, 60))
            for rank, number in enumerate(numbers[regulars:])
        ]
        return cast

    def _author(self, number: int, rank: int) -> Author:
        rng = self.rng
        noun = NOUNS[number % len(NOUNS)]
        emoji = rng.choice(EMOJI["flat"].split())
        return Author(
            user_id=str(9_000_000_000 + number * 7919),
            handle=f"demo_{noun}{number}",
            name=rng.choice((f"{noun.title()} Desk", f"{noun.title()} {number}", f"The {noun.title()} {emoji}")),
            followers=min(int(90 / (1 - rng.random())), 800_000),
            joined_ms=self.midnight - rng.randrange(30, 4000) * 86_400_000,
            lang=_LANGUAGES[rank % len(_LANGUAGES)],
            lean=rng.choice((-1, 0, 0, 0, 0, 1)),
            style=rng.choice(("plain", "plain", "plain", "lower", "shout")),
        )

    def _speaker(self, role: str) -> Author:
        pool = self.cast[role]
        return self.rng.choices(pool, [1000 // (rank + 4) + 1 for rank in range(len(pool))])[0]

    # --- what ---

    def _originals(self, number: int) -> list[Post]:
        rng = self.rng
        widths = [until - start for (start, _), (until, _) in zip(_RHYTHM, [*_RHYTHM[1:], (LAST_MINUTE, 0)], strict=True)]
        weights = [width * rate for width, (_, rate) in zip(widths, _RHYTHM, strict=True)]
        picks = rng.choices(range(len(_RHYTHM)), weights, k=number)
        moments = [_RHYTHM[pick][0] * MINUTE_MS + rng.randrange(widths[pick] * MINUTE_MS) for pick in picks]
        own: list[Post] = []
        for rank, moment in enumerate(sorted(moments)):
            phase = ("pre", "live", "close")[bisect_right((market.OPEN_MS, 930 * MINUTE_MS), moment)]
            words = _KINDS[phase].split()
            kind = rng.choices(words[::2], [int(weight) for weight in words[1::2]])[0]
            author = self._speaker(_ROLES.get(kind, "trader"))
            post = self._write("recap" if rank % 33 == 5 else kind, author, self.midnight + moment, phase)
            if own and rank % 20 == 3:
                post.reply_to = rng.choice(own[-60:])
                post.text = f"@{post.reply_to.author.handle} {post.text}"
            elif own and rank % 30 == 7:
                post.quoted = rng.choice(own[-200:])
                if rank % 90 == 7:  # X quotes across years; this one is no part of the day
                    then = self.midnight - rng.randrange(300, 1200) * 86_400_000
                    post.quoted = replace(post.quoted, tweet_id=self._snowflake(then), posted_ms=then, quoted=None)
            elif rank % 40 == 9:
                post.form = "limited"
            own.append(post)
        return own

    def _write(self, kind: str, author: Author, posted_ms: int, phase: str) -> Post:
        rng = self.rng
        instruments = market.INSTRUMENTS[:4]
        index = rng.choices(instruments, [instrument.share for instrument in instruments])[0]
        lang = author.lang
        slots = self._slots(index, author, posted_ms - self.midnight)
        side = slots["side"]
        if kind == "recap":
            parts = [self._sentence(part, lang, slots) for part in (phase, "levels", side)]
            while len("".join(parts)) < 300:
                parts.append(self._sentence(rng.choice(("learn", "levels", side, "ask")), lang, slots))
            text = "\n\n".join(parts)
        else:
            text = self._sentence(side if kind == "view" else kind, lang, slots)
        links: dict[str, str] = {}
        if "{link}" in text:
            text = self._with_link(text, links)
        elif author.style == "shout":
            text = text.upper()
        if author.style == "lower":
            text = text.lower()
        if rng.random() < 0.2:
            text += " " + rng.choice(EMOJI[side if kind in ("view", "call") else "flat"].split())
        text += rng.choice((" ", " ", "\n\n", "\n")) + self._tags(index.symbol, 12 if kind == "advert" else 5)
        stated = {"en": "en", "hi": "hi", "hg": rng.choice(("hi", "en", "in"))}[lang]
        peak, pace = self._reach(author)
        return Post(self._snowflake(posted_ms), posted_ms, author, text, stated, peak, pace, links)

    def _sentence(self, kind: str, lang: str, slots: dict[str, str]) -> str:
        text = self.rng.choice(patterns(kind, lang))
        while "[" in text:
            text = re.sub(r"\[([^\[\]]*)\]", lambda found: self.rng.choice(found[1].split("|")), text)
        return text.format(**slots).replace(" // ", "\n")

    def _with_link(self, text: str, links: dict[str, str]) -> str:
        code = "".join(self.rng.choices("abcdefghijkmnpqrstuvwxyz23456789", k=10))
        short = f"https://t.example/{code}"
        links[short] = f"https://{self.rng.choice(NOUNS)}{self.rng.randrange(10, 99)}.example/join/{code[::-1]}"
        return text.replace("{link}", short)

    def _tags(self, symbol: str, most: int) -> str:
        rng = self.rng
        # Reach bait: any tag goes with any opinion.
        tags = [rng.choice(HOME_TAG[symbol].split()), *rng.sample(OTHER_TAGS.split(), rng.randrange(most))]
        rng.shuffle(tags)
        return " ".join(tags)

    def _reach(self, author: Author) -> tuple[tuple[int, ...], int]:
        rng = self.rng
        likes = min(int(isqrt(author.followers) / (1 - rng.random()) / 12), author.followers + 20)
        reposts = likes * rng.randint(0, 30) // 100
        views = likes * rng.randint(15, 60) + author.followers // 20 + rng.randint(3, 80)
        replies, bookmarks = likes * rng.randint(0, 25) // 100, likes * rng.randint(0, 20) // 100
        return (likes, reposts, replies, reposts // 6, views, bookmarks), rng.randint(15, 240) * MINUTE_MS

    def _slots(self, index: market.Instrument, author: Author, session_ms: int) -> dict[str, str]:
        rng = self.rng
        now = market.quote(index, self.series[index.symbol], session_ms)
        vix = market.quote(market.INSTRUMENTS[4], self.series["INDIAVIX"], session_ms)
        change = now.spot - now.previous_close
        side = "up" if rng.randrange(100) < 50 + 18 * now.trend + 40 * author.lean else "down"
        way = "up" if change >= 0 else "down"
        step = index.strike_step
        atm = (int(now.spot) + step // 2) // step * step
        near = step * rng.randint(1, 3)
        far = near + step * rng.randint(1, 4)
        strike = atm + step * rng.randint(-1, 3) * (1 if side == "up" else -1)
        option = rng.choice(("ce", "CE", "CE", "CALL") if side == "up" else ("pe", "PE", "PE", "PUT"))
        premium = max(int(now.spot * rng.randint(15, 70) / 10_000), 8)
        company, other = rng.sample(COMPANIES, 2)
        big, big2 = rng.sample(TICKERS, 2)
        names, hindi = NAMES[index.symbol]
        opened = market.quote(index, self.series[index.symbol], 0).spot > now.previous_close
        figures: dict[str, object] = {
            "spot": int(now.spot), "prev": f"{now.previous_close:.2f}", "hi": int(now.high), "lo": int(now.low),
            "chg": int(abs(change)), "sign": f"{change:+.0f}", "pct": f"{change / now.previous_close:+.2%}",
            "swing": int(now.high - now.low), "vix": f"{vix.spot:.2f}", "atm": atm,
            "s1": atm - near, "s2": atm - far, "r1": atm + near, "r2": atm + far,
            "up1": atm + near + step * 2, "up2": atm + far + step * 4,
            "dn1": atm - near - step * 2, "dn2": atm - far - step * 4,
            "cutl": atm - near - step // 2, "cuts": atm + near + step // 2,
            "prem": premium, "t1": premium * 13 // 10, "t2": premium * 17 // 10, "sl": premium * 3 // 4,
            "strad": premium * 2 + step, "cos": rng.choice((240, 360, 540, 820, 1180)),
            "fii": f"{rng.randint(-4200, 2600):+,}", "dii": f"{rng.randint(-900, 4800):+,}",
            "crore": f"{rng.randint(38, 4800):,}", "rev": rng.randint(2, 38), "mar": f"{rng.randint(62, 290) / 10}",
            "n": rng.randint(3, 45), "d": rng.randint(1, 9), "followers": rng.randint(3, 60) * 100,
        }  # fmt: skip
        return {name: str(figure) for name, figure in figures.items()} | {
            "side": side, "i": rng.choice(names), "ih": hindi,
            "leg": f"{strike}{rng.choice((' ', ' ', ''))}{option}", "cp": option.upper(),
            "ud": way, "udh": "upar" if way == "up" else "neeche", "udd": _DEVANAGARI_SHORT[way],
            "gr": "green" if way == "up" else "red", "arrow": "🟢" if way == "up" else "🔴",
            "gap": "gap up" if opened else "gap down", "gapd": "गैप अप" if opened else "गैप डाउन",
            "hm": f"{session_ms // 3_600_000}:{session_ms // MINUTE_MS % 60:02}",
            "day": "Monday Tuesday Wednesday Thursday Friday".split()[self.date.weekday()],
            "date": f"{rng.randint(20, 28)} {'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split()[self.date.month - 1]}",
            "co": company[0], "tk": company[1], "co2": other[0], "big": big, "big2": big2,
            "bull": rng.choice(EMOJI["up"].split()), "bear": rng.choice(EMOJI["down"].split()),
            "neu": rng.choice(EMOJI["flat"].split()), "link": "{link}",
        }  # fmt: skip

    def _snowflake(self, posted_ms: int) -> str:
        return str((posted_ms - SNOWFLAKE_EPOCH_MS) << 22 | self.rng.getrandbits(22))

    # --- what follows from it ---

    def _pushes(self, sizes: list[int], number: int) -> list[Post]:
        """Campaigns: each a burst of one advert by its own accounts, every copy disguised anew."""
        rng = self.rng
        accounts = iter(self.cast["throwaway"])
        pushed: list[Post] = []
        for rank, size in enumerate(sizes):
            crew = [next(accounts) for _ in range(size)]
            start = self.midnight + rng.randrange(8 * 60, 20 * 60) * MINUTE_MS
            burst = rng.randint(25, 100) * MINUTE_MS
            slots = self._slots(rng.choice(market.INSTRUMENTS[:3]), crew[0], start - self.midnight)
            lang = "hg" if rank % 4 == 3 else "en"
            advert = self._sentence("campaign", lang, slots)
            repeats = number - len(pushed) if rank == len(sizes) - 1 else size * 5 // 4
            for turn in range(repeats):
                links: dict[str, str] = {}
                posted = start + rng.randrange(burst)
                text = self._with_link(_disguise(rng, advert), links)
                text += "\n" + self._tags(rng.choice(("NIFTY50", "BANKNIFTY", "SENSEX")), 9)
                author = crew[turn % size]
                pushed.append(Post(self._snowflake(posted), posted, author, text, "en", *self._reach(author), links))
        return pushed

    def _copies(self, own: list[Post], number: int) -> list[Post]:
        """Chains of copies: every other chain exact, the rest each changing one word of the one before."""
        rng = self.rng
        early = [post for post in own if post.posted_ms < self.end - 60 * MINUTE_MS and not post.reply_to]
        models = [post for post in early if 15 <= len(post.text.split(" ")) <= 40]
        copies: list[Post] = []
        for chain, model in enumerate(rng.sample(models, min(len(models), number))):
            last = model
            for _ in range(min(rng.randint(2, 5), number - len(copies))):
                posted = rng.randint(last.posted_ms + 1000, min(last.posted_ms + 150 * MINUTE_MS, self.end))
                author = self._speaker(rng.choice(("promoter", "trader")))
                text = last.text if chain % 2 else _altered(rng, last.text)
                last = replace(last, tweet_id=self._snowflake(posted), posted_ms=posted, author=author, text=text,
                               form="", quoted=None, versions=[])  # fmt: skip
                last.peak, last.pace_ms = self._reach(author)
                copies.append(last)
        return copies

    def _repost(self, post: Post) -> Post:
        posted = self.rng.randint(post.posted_ms + 1000, max(post.posted_ms + 2000, self.end))
        author = self._speaker("trader")
        text = f"RT @{post.author.handle}: {post.text}"
        text = text if len(text) <= 140 else text[:139] + "…"
        return Post(self._snowflake(posted), posted, author, text, post.lang, *self._reach(author), reposted=post)

    def _edit(self, post: Post) -> Post:
        """A new version within X's hour; the old one says so when it is seen later."""
        posted = min(post.posted_ms + self.rng.randint(2, 55) * MINUTE_MS, self.end + 20_000)
        edited = replace(post, tweet_id=self._snowflake(posted), posted_ms=posted, text=_altered(self.rng, post.text))
        post.versions = edited.versions = [(post.posted_ms, post.tweet_id), (posted, edited.tweet_id)]
        return edited

    def _spoil(self, post: Post, form: str) -> None:
        post.form = form
        if form in ("unknown_time", "future"):  # ids older than snowflakes carry no time
            post.tweet_id = str(self.rng.randrange(10**7, 10**9))


def _altered(rng: Random, text: str) -> str:
    """The text with one word or number changed: near the start, near the end, or inside."""
    words = text.split(" ")
    plain = [place for place, word in enumerate(words) if "#" not in word and "@" not in word and "://" not in word]
    place = rng.choice((plain[0], plain[-1], rng.choice(plain)))
    number = re.search(r"\d+", words[place])
    if number:
        words[place] = words[place].replace(number[0], str(int(number[0]) + rng.choice((-5, 5, 10))))
    else:
        words[place] = rng.choice([filler for filler in FILLERS if filler != words[place]])
    return " ".join(words)


def _disguise(rng: Random, advert: str) -> str:
    """The advert with up to four words scrambled, broken up or set in mathematical letters."""
    words = advert.split(" ")
    for place in rng.sample(range(len(words) - 2), rng.randint(0, 4)):
        word = words[place]
        if not word.isascii() or not word.isalpha() or len(word) < 4:
            continue
        cut = rng.randrange(1, len(word) - 2)
        words[place] = rng.choice((
            word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :],
            word[:cut] + rng.choice((".", "\u200b", "-", "_")) + word[cut:],
            word[:cut] + word[cut] + word[cut:],
            "".join(chr(ord(letter) + (0x1D400 - 65 if letter.isupper() else 0x1D41A - 97)) for letter in word),
        ))  # fmt: skip
    return " ".join(words)
