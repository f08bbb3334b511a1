"""Normalised text.

`normalise` applies these rules until nothing changes, so it is idempotent:

1. HTML entities that end in ';' become their characters (nested ones too).
2. Unicode NFKC: mathematical-bold, full-width and circled letters become plain ones.
3. Invisible characters go: controls, lone surrogates, zero-width, bidi and soft-hyphen marks, fillers,
   tag characters. A zero-width joiner or non-joiner stays between two Devanagari characters, a joiner
   stays inside an emoji sequence, and a variation selector stays after an emoji or in a keycap.
4. Links go, each replaced by a space. A link is, up to the next white space or non-ASCII character,
   - `http://` or `https://` and what follows;
   - the same torn by a scraper: white space after `//` and then a host (`https:// t.me/x`), with its
     hidden tail when that ends in an ellipsis of its own (`https:// a.com/fun d/top-…  …`);
   - `www.` and what follows;
   - a bare host under a known top-level domain with a path (`t.me/x`, `example.org/2025/05/the-pa…`);
   and a scheme left alone. A bare host without a path (`example.com`) is a name and stays.
5. White space becomes single spaces; none at the ends.

Case, Devanagari, emoji, hashtags, cashtags and mentions stay.
"""

from __future__ import annotations

import html
import re
import unicodedata

import pyarrow as pa

CLAUSE_END = ".?!;|\u0964"

# Function words: they end a pile of bare tags and are no topics. English, Hinglish, Hindi.
_STOP_WORDS = """
a about after all also am an and any are as at be been before being but by can could d did do does doing done
each else for from further get got had has have having he her here him his how i if in into is it its itself
just let like ll m me more most my no nor not now of on once only or other our out over own per re s same she
should so some such t than that the their them then there these they this those through to too until us ve
very via was we were what when where which while who why will with would you your
aur bhi ek hai hain hi ho hum ka kar ke ki ko koi main mai mein na ne par se tha thi toh wo ye yeh
एक और का कि की के को कोई जो तक तो था थी थे ने पर भी में यह ये से हम ही है हैं हो
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ENTITY_DEPTH = 4

# C0/C1 controls but white space; surrogates; Unicode's default-ignorable characters but the joiners and
# variation selectors that rule 3 may keep.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_EMOJI = (
    "\u00a9\u00ae\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d"
    "\U0001f000-\U0001faff"
)
_EMOJI_UNIT = f"[{_EMOJI}][\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?"
_EMOJI_SEQUENCE = f"{_EMOJI_UNIT}(?:\u200d{_EMOJI_UNIT})*"
_JOINERS = re.compile(
    f"({_EMOJI_SEQUENCE}|[0-9#*]\ufe0f\u20e3|[\u0900-\u097f](?:[\u200c\u200d](?=[\u0900-\u097f]))?)"
    "|[\u200c\u200d\ufe0e\ufe0f]"
)
# The printable characters among those of rule 3; the others show in `str.isprintable`.
_SUSPECT = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0]")
_ASTRAL_SELECTOR = re.compile("[\U000e0000-\U000e0fff]")

_TLD = (
    "ac|ae|ai|app|asia|at|au|be|biz|blog|br|bz|ca|cash|cc|ch|click|cloud|club|cn|co|com|cx|de|dev|digital|edu|ee|es|eu|"
    "fi|finance|fm|fr|fund|fyi|gd|gg|gl|gle|gov|group|gs|guru|hk|id|ie|im|in|ink|info|invest|io|is|it|jp|la|li|life|"
    "link|live|ly|market|markets|me|media|mobi|money|net|network|news|ng|nl|no|nz|one|online|org|page|ph|pk|pl|press|"
    "pro|ru|se|sg|sh|shop|site|so|social|space|st|store|stream|studio|tech|tips|to|today|top|trade|trading|tv|tw|uk|"
    "us|vc|video|vip|website|wiki|win|work|works|world|xyz|zone"
)
_HOST = r"(?:[a-zA-Z0-9-]{1,63}\.){1,8}"
_ELLIPSIS = r"(?: \.\.\.(?!\S))?"
_SCHEME_LINK = re.compile(
    rf"""[hH][tT][tT][pP][sS]?://
      (?:\ {_HOST}[a-zA-Z]{{2,24}}(?![a-zA-Z0-9.@-])(?:[/?\#:][!-~]*)?
           (?:\ (?=[!-~]*[-/=?_&%0-9])[!-~]+(?=\ \.\.\.))?
      | [!-~]*
      ){_ELLIPSIS.replace(" ", "[ ]")}""",
    re.VERBOSE,
)
_WWW_LINK = re.compile(rf"(?<![a-zA-Z0-9_.])[wW]{{3}}\.[!-~]+{_ELLIPSIS}")
_PATH_HINT = re.compile(r"\.[a-zA-Z]{2,24}/")
_BARE_LINK = re.compile(rf"(?<![a-zA-Z0-9_@.-]){_HOST}(?i:{_TLD})/[!-~]*{_ELLIPSIS}")


def _unescape(text: str) -> str:
    for _ in range(_ENTITY_DEPTH):
        plain = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
        if plain == text:
            return text
        text = plain
    return _ENTITY.sub(" ", text)


def _unlink(text: str) -> str:
    """Rule 4 on a text with single spaces."""
    if "/" not in text and "ww." not in text.lower():
        return text
    plain = _SCHEME_LINK.sub(" ", text) if "://" in text else text
    if "/" in plain and _PATH_HINT.search(plain):
        plain = _BARE_LINK.sub(" ", plain)
    if "www." in plain.lower():
        plain = _WWW_LINK.sub(" ", plain)
    return text if plain is text else " ".join(plain.split())


def normalise(text: str | None) -> str:
    """The normalised text, by the rules above; '' for None. Takes any string, lone surrogates included."""
    if not text:
        return ""
    while True:
        raw = text
        if "&" in text:
            text = _unescape(text)
        if not text.isascii():
            text = unicodedata.normalize("NFKC", text)
        text = " ".join(text.split())
        clean = text.isprintable() and (
            text.isascii() or not (_SUSPECT.search(text) or _ASTRAL_SELECTOR.search(text))
        )
        if not clean:
            text = _JOINERS.sub(r"\1", _INVISIBLE.sub("", text))
        text = _unlink(text)
        # Removing a mark can bring a new composition or entity about, so only a clean text is done at once.
        if text == raw or (clean and not ("&" in text and _ENTITY.search(text))):
            return text


def normalise_array(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """`normalise` over an Arrow string array: same length, string type, no nulls."""
    return pa.array([normalise(text) for text in texts.to_pylist()], pa.string())
