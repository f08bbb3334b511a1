"""The walk through one slice, newest post to oldest, until it is proven that nothing was left out. Pure.

    ask ─> page ─> page ─> … older than the slice: it is complete
     ^        │
     └────────┴── fault, repeated or cyclic cursor, empty page, full query: ask again from the low mark

The site's own end of results proves nothing: real searches end early, stall near 300 results and repeat
themselves. So every question reaches below its slice, and the slice is complete once posts that are
older than it have been seen. Each new question starts at a post that is known: that the site shows it
and all known older ones again says that it answers for that very place, and if it has nothing new then,
that is the end.

What is taken on trust is that a page is a run of the results, of which each stands at most two places
too late. On that, ``crossed`` is right whatever the site does. ``end`` is wrong if the site does twice,
with nothing new between, what it does at the end, and ``empty`` if it does so three times in a row.
"""

from __future__ import annotations

from ingest.search import Ask, Page

# How far below its slice a question reaches, in seconds: far enough to see older posts at any hour, and
# to lead on into older slices. It costs nothing, since a walk stops at the first page that proves it.
REACH_SECONDS = 6 * 3600
LEAST_REACH_SECONDS = 3600
# The low mark is the newest of the last three that a question has shown: a post that stands up to two
# places too late is not lost.
TOLERANCE = 3
EMPTY_ANSWERS = 3
END_ANSWERS = 2
FAULTS_IN_A_ROW = 8

_EPOCH_MS = 1_288_834_974_657


def second_of(tweet_id: int) -> int:
    """Epoch second in which the post with this id (of 2010 or later) was made."""
    return ((tweet_id >> 22) + _EPOCH_MS) // 1000


class Walk:
    """Decides, from what the site answered, what to ask next.

    ``low_id`` is the low mark: posts of the slice above it have all been seen. ``proof`` is set when
    the slice is complete: ``crossed`` (older posts were seen), ``end`` (all known posts below the mark were
    shown again and nothing new with them, twice) or ``empty`` (nothing was ever shown, however far the
    question reached). ``cause`` is set when the walk gives up.
    """

    def __init__(self, terms: str, since: int, until: int, low_id: int | None, full_posts: int) -> None:
        """Walk [``since``, ``until``) epoch seconds, from ``low_id`` down where it is known.

        ``full_posts`` is how many results one question may give before it is asked anew.
        """
        self.terms, self.since, self.until, self.low_id = terms, since, until, low_id
        self._full, self._earliest = max(full_posts, TOLERANCE), 0
        self._reach, self._asked_since = REACH_SECONDS, 0
        self._seen: set[int] = set() if low_id is None else {low_id}
        self._shown: set[int] = set()  # by the question that is open
        self._tail: list[int] = []  # the last of them
        self._cursors: set[str] = set()
        self._is_open = self._is_first = self._has_new = False
        self._empty = self._ends = self._faults = 0
        self.is_full = False
        self.proof: str | None = None
        self.cause: str | None = None

    def enter(self, since: int, until: int) -> None:
        """Go on into the next older slice, with the question that is open if it reaches far enough."""
        self.since, self.until, self.proof, self._reach = since, until, None, REACH_SECONDS
        self._is_open = self._is_open and self._asked_since <= since - LEAST_REACH_SECONDS

    def bound(self, earliest: int) -> None:
        """Take in how far back (epoch seconds) the site can be asked by now; gives up what is older."""
        self._earliest = earliest
        newest = self.until if self.low_id is None else min(self.until, second_of(self.low_id) + 1)
        if newest <= earliest:
            self.cause = "the site cannot be asked that far back any more"

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to ask."""
        return bool(self.proof or self.cause)

    @property
    def faults_in_a_row(self) -> int:
        """Faults since the last page that held something new."""
        return self._faults

    def next(self) -> Ask | None:
        """What to ask anew; None to take the next page of what was asked last."""
        if self._is_open:
            return None
        self._shown, self._tail, self._cursors = set(), [], set()
        self._is_first, self._has_new, self.is_full = True, False, False
        self._asked_since = max(self.since - self._reach, self._earliest)
        return Ask(self.terms, self._asked_since, self.until, self.low_id)

    def failed(self, fault: str) -> None:
        """Take a fault in: ask again from the low mark, but not for ever."""
        self._is_open = False
        self._faults += 1
        if self._faults >= FAULTS_IN_A_ROW:
            self.cause = f"{self._faults} faults in a row, the last: {fault}"

    def answered(self, page: Page) -> None:
        """Take a page in."""
        is_first, self._is_first = self._is_first, False
        if is_first and not page.ids:
            self._on_empty()
            return
        self._empty = 0
        fresh = [tweet_id for tweet_id in page.ids if tweet_id not in self._shown]
        if not self._seen.issuperset(page.ids):
            self._has_new = True
            self._ends = self._faults = 0
        self._seen.update(fresh)
        self._shown.update(fresh)
        self._tail = [*self._tail, *fresh][-TOLERANCE:]
        if len(self._tail) == TOLERANCE:
            mark = max(self._tail)
            self.low_id = mark if self.low_id is None else min(mark, self.low_id)
            if second_of(self.low_id) < self.since:
                self.proof = "crossed"
        self.is_full = self._has_new and len(self._shown) >= self._full
        cursor = page.next_cursor
        self._is_open = bool(fresh and cursor) and cursor not in self._cursors and not self.is_full
        self._cursors.add(cursor or "")
        if not (self._is_open or self.is_full):
            self._on_end()

    def _on_end(self) -> None:
        """Nothing more comes: the end, if all that is known below the mark was shown and nothing new."""
        self._reach *= 4
        if self._has_new or self.proof:
            return
        if min(self._seen) not in self._shown:
            self.failed("results that stop above a known post")
            return
        self._ends += 1
        if self._ends >= END_ANSWERS:
            self.proof = "end"

    def _on_empty(self) -> None:
        """Nothing at all: a fault, a stall or the end. Reach further down, where posts are."""
        self._is_open = False
        self._empty += 1
        self._reach *= 4
        if self._empty >= EMPTY_ANSWERS:
            if not self._seen:
                self.proof = "empty"
            else:
                self.cause = "the site shows nothing where it has shown posts before"
