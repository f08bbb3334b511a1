"""The synthetic posts that the replica serves: seeded text, authors, times, counts and post types.

`Corpus(seed, posts, hours, now)` is a pure function of its arguments, apart from `grow`, `delete` and
`publish`, which a test calls between runs. No text, name or id comes from a real capture.
"""

import random
import re
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
IST_OFFSET_MINUTES = 330
TARGET_TAGS = ("nifty50", "sensex", "intraday", "banknifty")
COUNT_NAMES = (
    "reply_count",
    "retweet_count",
    "quote_count",
    "favorite_count",
    "bookmark_count",
    "view_count",
)
FULL_TEXT_LIMIT = 280

_HASHTAG = re.compile(r"(?<![\w&/])#([\w\u0900-\u097F]+)")
_WORD = re.compile(r"[#$]?[\w\u0900-\u097F]+")

_TAG_FORMS = {
    "nifty50": ("#nifty50", "#Nifty50", "#NIFTY50", "#NiftY50"),
    "sensex": ("#sensex", "#Sensex", "#SENSEX"),
    "intraday": ("#intraday", "#Intraday", "#INTRADAY", "#IntraDay"),
    "banknifty": ("#banknifty", "#BankNifty", "#BANKNIFTY", "#Banknifty"),
}
_OTHER_TAGS = ("#StockMarketIndia", "#trading", "#OptionsTrading", "#niftyoptions", "#FinNifty", "#शेयरबाजार")
_NEAR_TAGS = ("#nifty50options", "#sensexindia", "#niftybank", "#intradaytips", "#bankniftyexpiry", "#nifty")
_EMOJI = ("🚀", "📈", "📉", "🔥", "🙏", "😂", "🇮🇳", "👀", "💰", "🐂", "🐻", "⚠️")
_CASHTAGS = ("$NIFTY", "$RELIANCE", "$HDFCBANK", "$TCS", "$INFY")
_STOCKS = ("Reliance", "HDFC Bank", "Infosys", "TCS", "M&M", "L&T", "ITC", "SBI", "Tata Motors", "Axis Bank")
_INDICES = ("Nifty", "Bank Nifty", "Sensex", "Fin Nifty", "Midcap index")
_TEXTS = {
    "en": (
        "{index} holding above {level}, next stop {higher} if {stock} stays firm",
        "Booked {stock} at {level}, target was {higher}. P&L is what matters {emoji}",
        "Support at {lower} < spot {level} < resistance {higher}. Wait for the break",
        "Sold my {index} puts too early again {emoji} lesson: trail the stop",
        "FII selling > DII buying today. {index} looks heavy near {level}",
        "Breakout on the 15 minute chart of {stock}. Stop {lower}, risk & reward 1:2 {emoji}",
        "Flat open expected, {index} futures point to {level}",
        "Is anyone else short {index} from {higher}? Theta is on our side {emoji}",
        "{stock} results tonight. {cashtag} could gap either way tomorrow",
        "Option chain: highest OI at {level} CE and {lower} PE. Range day?",
    ),
    "hi": (
        "{index} आज {level} के ऊपर बंद हुआ, कल {higher} देख सकते हैं {emoji}",
        "बाजार में गिरावट, {stock} में मुनाफावसूली। सावधान रहें",
        "{lower} का सपोर्ट टूटा तो {index} में और बिकवाली होगी",
        "आज का दिन तेजड़ियों के नाम रहा {emoji} {stock} सबसे आगे",
        "इंट्राडे में स्टॉप लॉस {lower} रखें, लक्ष्य {higher}",
    ),
    "hinglish": (
        "Bhai {index} ne aaj rula diya {emoji} {level} se seedha {lower}",
        "{stock} mein entry le li {level} pe, kal dekhte hai kya hota hai",
        "Aaj ka profit kal ke loss se zyada hai, bas itna hi & kuch nahi {emoji}",
        "{index} {higher} tod diya toh short covering pakki {emoji}",
        "Market gir raha hai aur mera SIP chal raha hai {emoji} chill karo",
    ),
}
_LONG_PARTS = (
    "Let me walk through the levels one by one.",
    "The first hour decides most of my trades, and today it was a narrow range.",
    "Volume on the upside was thin, which is why I did not chase the move.",
    "Put writers stayed put at the lower strike & call writers shifted up.",
    "If the gap holds for thirty minutes, I add; if it fills, I am out with a small loss.",
    "कल की एक्सपायरी में उतार-चढ़ाव ज़्यादा रहेगा, छोटी मात्रा रखें।",
    "Global cues: crude softer, dollar flat, US futures green by 0.3 %.",
    "Not advice, only my own notes; please do your own reading before any trade.",
)
_AD_TEXTS = (
    "Open a free demat account in five minutes and trade with zero brokerage",
    "Learn options from practitioners: new batch starts on Monday {emoji}",
    "One app for stocks, funds and bonds. Download today",
)
_FIRST = ("Kirti", "Omkar", "Devraj", "Sunaina", "Farid", "Meghna", "Tarun", "Lavanya", "Jatin", "Ishwari")
_TRADE = ("Charts", "Trader", "Options", "Levels", "Desk", "Capital", "Scalps", "Research", "Notes", "Alpha")
_HINDI_NAMES = ("बाजार की बात", "शेयर साथी", "दलाल पथ", "निवेश नोट्स")


@dataclass(frozen=True, slots=True)
class Author:
    """One synthetic account."""

    id: int
    screen_name: str
    name: str
    bio: str
    location: str
    category: str
    joined_s: int
    followers: int
    following: int
    statuses: int
    favourites: int
    is_verified: bool
    bare_legacy: str  # what a payload of the newest generation gives as `legacy`: "absent" or "null"


@dataclass(frozen=True, slots=True)
class Link:
    """One shortened link in a text."""

    url: str
    expanded: str
    display: str


@dataclass(slots=True)
class Post:
    """One synthetic post; `text` is the full text as a reader sees it, before HTML escaping."""

    id: int
    author: Author
    text: str
    lang: str
    links: tuple[Link, ...] = ()
    photo: Link | None = None
    retweet_of: "Post | None" = None
    quote_of: "Post | None" = None
    quote_stub: int | None = None
    reply_to: Author | None = None
    reply_to_id: int | None = None
    edit_ids: tuple[int, ...] = ()
    visibility: str = ""  # "", "limited", "blurred" or "plain": the wrapper's flavour
    views_shape: str = "count"  # "count", "no_count" or "absent"
    source: str = "Twitter for Android"
    counts: dict[str, int] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    is_deleted: bool = False

    @property
    def posted_ms(self) -> int:
        """When it was posted, epoch ms, as its id says."""
        return (self.id >> 22) + SNOWFLAKE_EPOCH_MS

    @property
    def is_long(self) -> bool:
        """Whether its text is longer than the short-text limit."""
        return len(self.text) > FULL_TEXT_LIMIT


def snowflake(posted_ms: int, rng: random.Random) -> int:
    """Return a post id of that millisecond with random low bits."""
    return ((posted_ms - SNOWFLAKE_EPOCH_MS) << 22) | rng.getrandbits(22)


@lru_cache(maxsize=20_000)
def words_of(text: str) -> frozenset[str]:
    """Return the words that a plain search term can match, in lower case; tags count bare and signed."""
    found = {word.lower() for word in _WORD.findall(text)}
    return frozenset(found | {word.lstrip("#$") for word in found})


def hashtags_of(text: str) -> frozenset[str]:
    """Return a text's hashtags in lower case, without the sign."""
    return frozenset(tag.lower() for tag in _HASHTAG.findall(text))


def _minute_weight(minute_ist: int) -> float:
    if 555 <= minute_ist < 930:  # 09:15-15:30, the cash session
        return 12.0 if minute_ist < 585 or minute_ist >= 900 else 8.0
    if 450 <= minute_ist < 555 or 930 <= minute_ist < 1140:
        return 3.0
    if 1140 <= minute_ist < 1380:
        return 1.5
    return 0.3


class Corpus:
    """All posts of one replica, newest first by id, and the ids that must never count as results.

    `posts` of them carry one of `TARGET_TAGS` and lie in the `hours` before `now` (epoch s); about 3 % more
    are older (to 1.5 times `hours`), and about 5 % more carry none of the tags.
    """

    def __init__(self, seed: int, posts: int, hours: float, now: float) -> None:
        self._rng = random.Random(f"corpus:{seed}")
        self._ids: set[int] = set()
        self._now_ms = int(now * 1000)
        self._hours = hours
        self.version = 0  # changes with every delete, publish and grow
        self.authors = [self._author(number) for number in range(max(12, posts // 8))]
        self.nested_only: set[int] = set()
        self._originals = [self._original(is_tagged=True) for _ in range(max(8, posts // 40))]
        self._quoted = [self._original(is_tagged=False) for _ in range(max(8, posts // 30))]
        self.promoted = [self._promoted() for _ in range(24)]
        self.tombstones = [self._old_id(0.0, hours) for _ in range(max(10, posts // 60))]
        self.nested_only.update(post.id for post in self.promoted)
        self.nested_only.update(self.tombstones)
        made: list[Post] = []
        for posted_ms in self._times(posts):
            made.append(self._post(posted_ms, made))
        for _ in range(round(posts * 0.03)):
            made.append(self._post(self._ms_ago(hours, 1.5 * hours), made))
        for _ in range(round(posts * 0.05)):
            made.append(self._unmatched())
        self.by_id = {post.id: post for post in made}
        self._sorted = sorted(self.by_id)
        self.first_counts = {post.id: dict(post.counts) for post in made}

    def newest_first(self, above_id: int, below_id: int) -> Iterable[Post]:
        """Yield the living posts with `above_id` < id < `below_id`, newest first."""
        low, high = bisect_left(self._sorted, above_id + 1), bisect_left(self._sorted, below_id)
        for position in range(high - 1, low - 1, -1):
            post = self.by_id[self._sorted[position]]
            if not post.is_deleted:
                yield post

    def grow(self, seed: int) -> None:
        """Raise the counts of most posts; none ever falls."""
        rng = random.Random(f"grow:{seed}")
        for post_id in self._sorted:
            post = self.by_id[post_id]
            if post.retweet_of is None and rng.random() < 0.7:
                for name, count in post.counts.items():
                    post.counts[name] = count + int(rng.expovariate(1.0) * (1 + count * 0.2))
        self.version += 1

    def delete(self, count: int) -> set[int]:
        """Delete `count` random living posts that carry a target tag; return their ids."""
        living = [
            post_id
            for post_id in self._sorted
            if not self.by_id[post_id].is_deleted and not self.by_id[post_id].tags.isdisjoint(TARGET_TAGS)
        ]
        gone = set(self._rng.sample(living, min(count, len(living))))
        for post_id in gone:
            self.by_id[post_id].is_deleted = True
        self.version += 1
        return gone

    def publish(self, count: int, now: float) -> set[int]:
        """Add `count` posts of the last second before `now` (epoch s); return their ids."""
        made = []
        for _ in range(count):
            post = self._post(int(now * 1000) - self._rng.randrange(1000), [])
            made.append(post)
            self.by_id[post.id] = post
            self.first_counts[post.id] = dict(post.counts)
            insort(self._sorted, post.id)
        self.version += 1
        return {post.id for post in made}

    def _ms_ago(self, least_hours: float, most_hours: float) -> int:
        return self._now_ms - int(self._rng.uniform(least_hours, most_hours) * 3_600_000) - 1000

    def _new_id(self, posted_ms: int) -> int:
        while True:
            post_id = snowflake(posted_ms, self._rng)
            if post_id not in self._ids:
                self._ids.add(post_id)
                return post_id

    def _old_id(self, least_hours: float, most_hours: float) -> int:
        return self._new_id(self._ms_ago(least_hours, most_hours))

    def _times(self, posts: int) -> list[int]:
        """Draw `posts` times (epoch ms): dense in the cash session, several in one second at times."""
        minutes = max(1, round(self._hours * 60))
        start_ms = self._now_ms - round(self._hours * 3_600_000)
        first_ist = start_ms // 60_000 + IST_OFFSET_MINUTES
        weights = [_minute_weight((first_ist + minute) % 1440) for minute in range(minutes)]
        times: list[int] = []
        while len(times) < posts:
            offset_ms = self._minute(weights) * 60_000 + self._rng.randrange(60_000)
            second_ms = (start_ms + offset_ms) // 1000 * 1000
            draw = self._rng.random()
            burst = 1 if draw < 0.88 else self._rng.randint(2, 4) if draw < 0.99 else self._rng.randint(6, 12)
            if start_ms <= second_ms and second_ms + 1000 < self._now_ms:
                times += [second_ms + self._rng.randrange(1000) for _ in range(burst)]
        return times[:posts]

    def _minute(self, weights: list[float]) -> int:
        """Draw a minute by rejection, which needs no running sums."""
        while True:
            minute = self._rng.randrange(len(weights))
            if self._rng.random() * 12.0 < weights[minute]:
                return minute

    def _author(self, number: int) -> Author:
        rng = self._rng
        first, trade = rng.choice(_FIRST), rng.choice(_TRADE)
        name = rng.choice(_HINDI_NAMES) if rng.random() < 0.12 else f"{first} {trade}"
        if rng.random() < 0.25:
            name += f" {rng.choice(_EMOJI)}"
        return Author(
            id=rng.randrange(10**8, 10**18),
            screen_name=f"{first[:6]}{trade[:4]}_{number}",
            name=name,
            bio=f"{trade} & {rng.choice(_INDICES)} | not advice | views < facts",
            location=rng.choice(("Mumbai", "Pune, India", "", "भारत", "Surat")),
            category=rng.choice(("", "", "Financial Analyst", "Content Creator", "Education")),
            joined_s=int(self._now_ms / 1000) - rng.randrange(86_400 * 20, 86_400 * 4000),
            followers=int(rng.lognormvariate(5.5, 2.2)),
            following=int(rng.lognormvariate(5, 1)),
            statuses=int(rng.lognormvariate(7, 1.5)),
            favourites=int(rng.lognormvariate(6, 2)),
            is_verified=rng.random() < 0.15,
            bare_legacy=rng.choice(("absent", "null")),
        )

    def _tags(self) -> list[str]:
        count = self._rng.choices((1, 2, 3, 4), (45, 30, 15, 10))[0]
        return [self._rng.choice(_TAG_FORMS[tag]) for tag in self._rng.sample(TARGET_TAGS, count)]

    def _sentence(self, lang: str) -> str:
        rng = self._rng
        level = rng.randrange(19_000, 82_000, 50)
        return rng.choice(_TEXTS[lang]).format(
            index=rng.choice(_INDICES),
            stock=rng.choice(_STOCKS),
            cashtag=rng.choice(_CASHTAGS),
            emoji=rng.choice(_EMOJI),
            level=level,
            lower=level - rng.randrange(50, 400, 50),
            higher=level + rng.randrange(50, 400, 50),
        )

    def _link(self, host: str, path: str) -> Link:
        code = "".join(self._rng.choices("abcdefghkmnpqrstuvwxyzABCDEFGHKMNPQRSTUVWXYZ23456789", k=10))
        return Link(f"https://t.co/{code}", f"https://{host}/{path}", f"{host}/{path}"[:26] + "…")

    def _text(self, tags: list[str], *, is_long: bool) -> tuple[str, str, tuple[Link, ...]]:
        """Write a text: (text, language code, links)."""
        rng = self._rng
        style = rng.choices(("en", "hi", "hinglish"), (60, 15, 25))[0]
        sentence = self._sentence(style)
        if rng.random() < 0.2:
            tags = [*tags, rng.choice(_OTHER_TAGS)]
        links: tuple[Link, ...] = ()
        if rng.random() < 0.18:
            links = (self._link("markets.example", f"story/{rng.randrange(10**6)}?a=1&b=2"),)
        tail = " ".join([*(link.url for link in links), *tags])
        if is_long:
            parts = rng.choices(_LONG_PARTS, k=rng.randint(5, 16))
            text = "\n\n".join([sentence, *parts, tail])  # the tags are past the cut
        elif tags and rng.random() < 0.3:
            text = f"{tags[0]} {sentence}\n" + " ".join([*(link.url for link in links), *tags[1:]])
        else:
            text = f"{sentence} {tail}"
        lang = {"en": "en", "hi": "hi", "hinglish": rng.choice(("en", "hi", "in", "und"))}[style]
        return text.strip(), lang, links

    def _counts(self) -> dict[str, int]:
        likes = int(self._rng.lognormvariate(0.8, 1.6))
        return {
            "reply_count": int(likes * self._rng.uniform(0, 0.3)),
            "retweet_count": int(likes * self._rng.uniform(0, 0.5)),
            "quote_count": int(likes * self._rng.uniform(0, 0.1)),
            "favorite_count": likes,
            "bookmark_count": int(likes * self._rng.uniform(0, 0.2)),
            "view_count": 5 + int(likes * self._rng.uniform(10, 120)),
        }

    def _plain(self, post_id: int, tags: list[str], *, is_long: bool = False) -> Post:
        rng = self._rng
        text, lang, links = self._text(tags, is_long=is_long)
        return Post(
            id=post_id,
            author=self.authors[int(len(self.authors) * rng.random() ** 2)],  # a few post the most
            text=text,
            lang=lang,
            links=links,
            photo=self._link("x.com", f"i/status/{post_id}/photo/1") if rng.random() < 0.22 else None,
            views_shape=rng.choices(("count", "no_count", "absent"), (92, 4, 4))[0],
            source=rng.choice(("Twitter for Android", "Twitter for iPhone", "Twitter Web App")),
            counts=self._counts(),
            tags=hashtags_of(text),
        )

    def _original(self, *, is_tagged: bool) -> Post:
        """Make an old post that occurs only inside others."""
        tags = self._tags() if is_tagged or self._rng.random() < 0.5 else []
        post_id = self._old_id(1.5 * self._hours + 3, 1.5 * self._hours + 24 * 300)
        post = self._plain(post_id, tags, is_long=self._rng.random() < 0.1)
        self.nested_only.add(post.id)
        return post

    def _promoted(self) -> Post:
        """Make an advertisement; every third one carries a target tag, as a trap."""
        post = self._plain(self._old_id(0.0, 24.0 * 20), [])
        post.text = self._rng.choice(_AD_TEXTS).format(emoji=self._rng.choice(_EMOJI))
        if self._rng.random() < 0.34:
            post.text += f" {self._tags()[0]}"
        post.links, post.lang = (), "en"
        return post

    def _post(self, posted_ms: int, earlier: list[Post]) -> Post:
        rng, draw = self._rng, self._rng.random()
        post = self._plain(self._new_id(posted_ms), self._tags(), is_long=draw > 0.94)
        if draw < 0.08:
            original = rng.choice(self._originals)
            post.retweet_of, post.text, post.lang = original, original.text, original.lang
            post.links, post.photo, post.views_shape = original.links, original.photo, "absent"
            post.tags = original.tags
            post.counts = dict.fromkeys(COUNT_NAMES, 0) | {
                "retweet_count": original.counts["retweet_count"] + 1
            }
        elif draw < 0.16:
            post.quote_of = rng.choice(self._quoted)
            if rng.random() < 0.15:
                post.quote_stub = self._old_id(24 * 301, 24 * 600)
                self.nested_only.add(post.quote_stub)
        elif draw < 0.20 and earlier:
            model = earlier[rng.randrange(len(earlier))]  # copied text under another id: spam, as in the wild
            post.text, post.lang, post.links = model.text, model.lang, model.links
            post.tags = model.tags
        elif draw < 0.34:
            post.reply_to, post.reply_to_id = rng.choice(self.authors), self._old_id(24 * 10, 24 * 20)
            self.nested_only.add(post.reply_to_id)
        if post.retweet_of is None:
            if rng.random() < 0.02:
                earlier_ids = tuple(
                    self._new_id(posted_ms - 60_000 * minutes - rng.randrange(50_000))
                    for minutes in range(rng.randint(1, 2), 0, -1)
                )
                post.edit_ids = (*earlier_ids, post.id)
                self.nested_only.update(earlier_ids)
            if rng.random() < 0.03:
                post.visibility = rng.choice(("limited", "blurred", "plain"))
        return post

    def _unmatched(self) -> Post:
        """Make a post that none of the target tags finds: near tags, bare words, or neither."""
        tags = self._rng.choice(([], [self._rng.choice(_NEAR_TAGS)], ["nifty50"], ["sensex", "intraday"]))
        return self._plain(self._old_id(0.0, self._hours), list(tags))
