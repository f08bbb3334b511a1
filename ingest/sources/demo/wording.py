"""How a post gets its words: a pattern filled with the moment's market, and how copies disguise theirs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from random import Random

from ingest.sources.demo import market, phrases

Slots = Mapping[str, str]


def slots(
    rng: Random,
    quotes: Mapping[str, list[market.Quote]],
    index: market.Instrument,
    trading_date: date,
    session_ms: int,
    lean: int,
) -> Slots:
    """Values for every slot of a pattern about ``index``, ``session_ms`` after 00:00 IST.

    ``side`` (``up`` or ``down``) is the direction a view would take: it follows the last half hour a
    little and the author's ``lean`` (-1, 0, 1) a lot.
    """
    step = market.step_at(session_ms)
    now, opened, vix = quotes[index.symbol][step], quotes[index.symbol][0], quotes["INDIAVIX"][step]
    previous, gap = index.previous_close / 100, index.strike_step
    change = now.spot - previous
    is_up, is_gap_up = change >= 0, opened.spot > previous
    is_bullish = rng.randrange(100) < 50 + 18 * now.trend + 40 * lean
    atm = (int(now.spot) + gap // 2) // gap * gap
    near = gap * rng.randint(1, 3)
    far = near + gap * rng.randint(1, 4)
    strike = atm + gap * rng.randint(-1, 3) * (1 if is_bullish else -1)
    option = rng.choice(("ce", "CE", "CE", "CALL") if is_bullish else ("pe", "PE", "PE", "PUT"))
    premium = max(int(now.spot * rng.randint(15, 70) / 10_000), 8)
    company, other = rng.sample(phrases.COMPANIES, 2)
    big, big2 = rng.sample(phrases.TICKERS, 2)
    names, hindi = phrases.NAMES[index.symbol]
    bull, bear, neutral = (rng.choice(phrases.EMOJI[mood].split()) for mood in ("up", "down", "flat"))
    values: dict[str, object] = {
        "side": "up" if is_bullish else "down",
        "i": rng.choice(names), "ih": hindi,
        "spot": int(now.spot), "prev": f"{previous:.2f}", "hi": int(now.high), "lo": int(now.low),
        "chg": int(abs(change)), "sign": f"{change:+.0f}", "pct": f"{change / previous:+.2%}",
        "swing": int(now.high - now.low), "vix": f"{vix.spot:.2f}", "atm": atm,
        "s1": atm - near, "s2": atm - far, "r1": atm + near, "r2": atm + far,
        "up1": atm + near + gap * 2, "up2": atm + far + gap * 4,
        "dn1": atm - near - gap * 2, "dn2": atm - far - gap * 4,
        "cutl": atm - near - gap // 2, "cuts": atm + near + gap // 2,
        "leg": f"{strike}{rng.choice((' ', ' ', ''))}{option}", "cp": option.upper(),
        "prem": premium, "t1": premium * 13 // 10, "t2": premium * 17 // 10, "sl": premium * 3 // 4,
        "strad": premium * 2 + gap, "cos": rng.choice((240, 360, 540, 820, 1180)),
        "ud": "up" if is_up else "down", "udh": "upar" if is_up else "neeche",
        "udd": "ऊपर" if is_up else "नीचे", "gr": "green" if is_up else "red", "arrow": "🟢" if is_up else "🔴",
        "gap": "gap up" if is_gap_up else "gap down", "gapd": "गैप अप" if is_gap_up else "गैप डाउन",
        "hm": f"{session_ms // 3_600_000}:{session_ms // 60_000 % 60:02}",
        "day": phrases.WEEKDAYS[trading_date.weekday()],
        "date": f"{rng.randint(20, 28)} {trading_date.ctime()[4:7]}",
        "co": company[0], "tk": company[1], "co2": other[0], "big": big, "big2": big2,
        "fii": f"{rng.randint(-4200, 2600):+,}", "dii": f"{rng.randint(-900, 4800):+,}",
        "crore": f"{rng.randint(38, 4800):,}", "rev": rng.randint(2, 38),
        "mar": f"{rng.randint(62, 290) / 10}", "n": rng.randint(3, 45), "d": rng.randint(1, 9),
        "followers": rng.randint(3, 60) * 100, "bull": bull, "bear": bear, "neu": neutral,
        "link": "{link}",
    }  # fmt: skip
    return {name: str(value) for name, value in values.items()}


def sentence(rng: Random, kind: str, lang: str, values: Slots) -> str:
    """One sentence of a kind; ``{link}`` is left for the caller."""
    return filled(rng, rng.choice(phrases.patterns(kind, lang)), values)


def filled(rng: Random, pattern: str, values: Slots) -> str:
    """The pattern with its alternatives chosen and its slots filled."""
    while "[" in pattern:
        pattern = re.sub(r"\[([^\[\]]*)\]", lambda found: rng.choice(found[1].split("|")), pattern)
    return pattern.format_map(values).replace(" // ", "\n")


def with_link(rng: Random, text: str) -> tuple[str, dict[str, str]]:
    """The text with a fresh short link, and where it leads; both under the reserved ``.example``."""
    code = "".join(rng.choices("abcdefghijkmnpqrstuvwxyz23456789", k=10))
    short = f"https://t.example/{code}"
    host = f"{rng.choice(phrases.NOUNS)}{rng.randrange(10, 99)}.example"
    return text.replace("{link}", short), {short: f"https://{host}/join/{code[::-1]}"}


def hashtags(rng: Random, symbol: str, most: int) -> str:
    """One tag that a search finds and up to ``most - 1`` others: reach bait, whatever the opinion."""
    home = rng.choice(phrases.HOME_TAG[symbol].split())
    tags = [home, *rng.sample(phrases.OTHER_TAGS.split(), rng.randrange(most))]
    rng.shuffle(tags)
    return " ".join(tags)


def altered(rng: Random, text: str) -> str:
    """The text with one word or number changed: the first, the last or any."""
    words = text.split(" ")
    kept = re.compile(r"^$|[#@]|://|^(50|Q2)$")  # tags, handles, links and parts of names stay
    plain = [place for place, word in enumerate(words) if not kept.search(word)]
    place = rng.choice((plain[0], plain[-1], rng.choice(plain)))
    number = re.search(r"\d+", words[place])
    if number:
        words[place] = words[place].replace(number[0], str(int(number[0]) + rng.choice((5, 10, 15))))
    else:
        words[place] = rng.choice([filler for filler in phrases.FILLERS if filler != words[place]])
    return " ".join(words)


def disguised(rng: Random, advert: str) -> str:
    """The advert with up to four words scrambled, broken up or set in mathematical bold."""
    words = advert.split(" ")
    for place in rng.sample(range(len(words)), rng.randint(0, 4)):
        word = words[place]
        if word.isascii() and word.isalpha() and len(word) > 3:
            cut = rng.randrange(1, len(word) - 2)
            head, letter, rest = word[:cut], word[cut], word[cut + 1 :]
            tricks = (
                head + rest[0] + letter + rest[1:],
                head + rng.choice((".", "-", "_", "\u200b")) + letter + rest,
                head + letter + letter + rest,
                "".join(chr(ord(sign) + (0x1D3BF if sign.isupper() else 0x1D3B9)) for sign in word),
            )
            words[place] = rng.choice(tricks)
    return " ".join(words)
