"""The walk against a search that misbehaves: what each proof survives, and that a walk always ends."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.search import Ask, Page
from ingest.search.walk import (
    EMPTY_ANSWERS,
    END_ANSWERS,
    FAULTS_IN_A_ROW,
    LEAST_REACH_SECONDS,
    REACH_SECONDS,
    Walk,
    second_of,
)

NOON = 1_780_000_000
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SLICE = (NOON, NOON + 1800)


def tweet_id(second: float, nth: int = 0) -> int:
    return (int(second * 1000) - 1_288_834_974_657 << 22) + nth


def page(ids: list[int], cursor: str | None) -> Page:
    return Page(NOW, b"{}", (), tuple(ids), cursor)


@dataclass
class Search:
    """A site's search over ``ids``. ``tricks`` says for each step how it misbehaves; afterwards it does not.

    A page is a run of the results, of which each stands at most two places too late (``late``). A question
    stalls after ``stall`` results.
    """

    ids: list[int]
    tricks: Iterator[str]
    size: int = 20
    stall: int = 10_000
    late: frozenset[int] = frozenset()
    always_a_cursor: bool = True
    n: int = 0
    gone: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    _results: list[int] = field(default_factory=list)
    _at: int = 0
    _cursor: int = 0
    _places: dict[str, int] = field(default_factory=dict)

    def open(self, ask: Ask) -> Page | None:
        held = [i for i in self.ids if ask.since <= second_of(i) < ask.until and i not in self.gone]
        held = [i for i in held if ask.max_id is None or i <= ask.max_id]
        self._results, self._at, self._places = self._disordered(sorted(held, reverse=True)), 0, {}
        return self._step(anchor=ask.max_id)

    def more(self, cursor: str) -> Page | None:
        self._at = self._places[cursor]
        return self._step()

    def _disordered(self, ids: list[int]) -> list[int]:
        for at in range(len(ids) - 3, -1, -3):
            if ids[at] in self.late:
                ids[at : at + 3] = [*ids[at + 1 : at + 3], ids[at]]
        return ids

    @property
    def results(self) -> set[int]:
        """What the open question holds, shown or not."""
        return set(self._results) - self.gone

    def _step(self, anchor: int | None = None) -> Page | None:
        self.n += 1
        trick = next(self.tricks, "well")
        if trick == "fault":
            return None
        if trick == "delete" and anchor in self._results:
            self.gone.add(anchor)
        if trick == "empty":
            return page([], None)
        if trick == "empty, more to come":
            return page([], self._named(self._at))
        size = int(trick.removeprefix("short ")) if trick.startswith("short") else self.size
        if trick == "shown before":
            self._at = max(self._at - self.size, 0)
        end = min(self._at + size, self.stall)
        ids = [i for i in self._results[self._at : end] if i not in self.gone]
        self.seen.update(ids)
        here, self._at = self._at, max(end, self._at)
        if trick == "last" or (self._at >= len(self._results) and not self.always_a_cursor):
            return page(ids, None)
        if trick == "repeated" and self._places:
            return page(ids, list(self._places)[-1])
        if trick == "cycle" and self._places:
            return page(ids, next(iter(self._places)))
        if trick == "stuck":
            return page(ids, self._named(here))
        return page(ids, self._named(self._at))

    def _named(self, place: int) -> str:
        self._cursor += 1
        self._places[f"cursor {self._cursor}"] = place
        return f"cursor {self._cursor}"


@dataclass
class Watched:
    """A walk driven until it is over, and what the site did to it.

    ``lies`` counts the questions since the last new post that came to an end and showed nothing but posts
    that the walk knew, down to the lowest of them, while there were others; ``denials`` the questions in a
    row that were empty from the first page on. At ``kills`` (steps) the walk starts again from its mark.
    """

    walk: Walk
    search: Search
    full: int
    kills: frozenset[int] = frozenset()
    lies: int = 0
    denials: int = 0
    _known: set[int] = field(default_factory=set)
    _shown: set[int] = field(default_factory=set)
    _cursor: str = ""

    def until_over(self, at_most: int) -> Walk:
        while not self.walk.is_over:
            assert self.search.n <= at_most, "the walk does not end"
            if self.search.n in self.kills:
                low_id = self.walk.low_id
                self.walk = Walk(self.walk.terms, self.walk.since, self.walk.until, low_id, self.full)
                self._known, self._shown, self.lies, self.denials = set(), set(), 0, 0
                self._known.update([low_id] if low_id else [])
            self._step()
        self._judge()
        return self.walk

    def _step(self) -> None:
        ask = self.walk.next()
        if ask:
            self._judge()
        got = self.search.open(ask) if ask else self.search.more(self._cursor)
        if got is None:
            self._learn()
            self.walk.failed("trick")
            return
        if ask:
            self.denials = 0 if got.ids else self.denials + 1
        self._shown.update(got.ids)
        self._cursor = got.next_cursor or ""
        self.walk.answered(got)

    def _judge(self) -> None:
        """The question that was open has come to an end."""
        all_known = bool(self._shown) and self._shown <= self._known and min(self._known) in self._shown
        self.lies += all_known and not self.search.results <= self._known
        self._learn()

    def _learn(self) -> None:
        self.lies = 0 if self._shown - self._known else self.lies
        self._known |= self._shown
        self._shown = set()

    def lost(self, since: int, until: int) -> set[int]:
        posts = {i for i in self.search.ids if since <= second_of(i) < until}
        return posts - self.search.seen - self.search.gone


def random_search(dice: random.Random, rate: float, sizes: tuple[int, ...] = (1, 3, 7, 20, 100)) -> Search:
    """A search whose posts come in bursts and gaps, and whose tricks go on for ever at ``rate``."""
    span = dice.choice([1800, 7200, 4 * 86_400])
    ids = {
        tweet_id(SLICE[1] - dice.randrange(span), dice.randrange(3)) for _ in range(dice.randrange(0, 400))
    }
    return Search(
        sorted(ids, reverse=True),
        (dice.choice(TRICKS) if dice.random() < rate else "well" for _ in iter(int, 1)),
        size=dice.choice(sizes),
        stall=dice.choice([7, 30, 300]),
        late=frozenset(i for i in ids if dice.random() < 0.1),
        always_a_cursor=dice.random() < 0.5,
    )


TRICKS = [
    "fault", "empty", "empty, more to come", "short 1", "short 2", "short 3", "short 6", "last", "repeated",
    "cycle", "stuck", "shown before", "delete",
]  # fmt: skip
seconds = st.integers(-1800, 1799) | st.integers(-3 * 86_400, 1799)


@st.composite
def searches(draw: st.DrawFn) -> Search:
    spread = draw(st.lists(st.tuples(seconds, st.integers(0, 2)), max_size=20, unique=True))
    ids = sorted((tweet_id(NOON + second, nth) for second, nth in spread), reverse=True)
    return Search(
        ids,
        iter(draw(st.lists(st.sampled_from(["well", *TRICKS]), max_size=25))),
        size=draw(st.sampled_from([1, 2, 3, 7, 20])),
        stall=draw(st.sampled_from([4, 10_000])),
        late=frozenset(i for i in ids if draw(st.booleans())),
        always_a_cursor=draw(st.booleans()),
    )


def check(watched: Watched, since: int, until: int) -> None:
    """What a proof says is true; where the site can make it untrue, it took as many lies as documented."""
    missed = watched.lost(since, until)
    match watched.walk.proof:
        case "crossed":
            assert not missed
        case "end":
            assert not missed or watched.lies >= END_ANSWERS
        case "empty":
            assert not missed or watched.denials >= EMPTY_ANSWERS


@settings(max_examples=150, deadline=None)
@given(searches(), st.sampled_from([1, 3, 280]), st.frozensets(st.integers(1, 40), max_size=2))
def test_a_proof_is_right_whatever_the_search_does(search: Search, full: int, kills: frozenset[int]) -> None:
    watched = Watched(Walk("#a", *SLICE, None, full), search, full, kills)
    watched.until_over(at_most=400)
    check(watched, *SLICE)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_crossing_is_right_however_often_the_search_tricks(rate: float) -> None:
    proofs = []
    for seed in range(150):
        dice = random.Random(seed)
        search = random_search(dice, rate)
        kills = frozenset(dice.sample(range(1, 60), 2))
        watched = Watched(Walk("#a", *SLICE, None, 280), search, 280, kills)
        proofs.append(watched.until_over(at_most=5_000).proof)
        check(watched, *SLICE)
    # Else this would test nothing.
    assert proofs.count("crossed") > 20


def test_fair_tricks_neither_lose_a_post_nor_make_a_walk_give_up() -> None:
    for seed in range(250):
        search = random_search(random.Random(seed), rate=0.12, sizes=(7, 20, 100))
        watched = Watched(Walk("#a", *SLICE, None, 280), search, 280)
        walk = watched.until_over(at_most=30 + len(search.ids))
        assert (walk.cause, watched.lost(*SLICE)) == (None, set()), seed


def test_one_walk_through_many_slices_proves_each() -> None:
    edges = list(range(SLICE[1], SLICE[1] - 12 * 1800, -1800))
    n_crossed = 0
    for seed in range(60):
        search = random_search(random.Random(seed), rate=0.15)
        older = [(since, until) for until, since in pairwise(edges)]
        watched = Watched(Walk("#a", *older.pop(0), None, 50), search, 50)
        while True:
            walk = watched.until_over(at_most=5_000)
            check(watched, walk.since, walk.until)
            if walk.proof != "crossed" or not older:
                break
            n_crossed += 1
            since, until = older.pop(0)
            # As the collection does it: those that lie wholly above the mark are complete.
            while second_of(walk.low_id or 0) < since and older:
                assert not watched.lost(since, until)
                since, until = older.pop(0)
            walk.enter(since, until)
    assert n_crossed > 60


def ids_down_to(*minutes: int) -> list[int]:
    return [tweet_id(NOON + 60 * minute) for minute in minutes]


def walked(low_id: int | None = None, full: int = 280) -> Walk:
    return Walk("#a", *SLICE, low_id, full)


def test_a_question_reaches_below_its_slice_and_the_first_older_posts_prove_it() -> None:
    walk = walked()
    assert walk.next() == Ask("#a", NOON - REACH_SECONDS, NOON + 1800, None)
    walk.answered(page(ids_down_to(20, 10), "next"))
    assert (walk.is_over, walk.next()) == (False, None)
    walk.answered(page(ids_down_to(-1, -2), "next"))
    assert walk.proof is None, "one of the three lowest is in the slice, so one may be late"
    walk.answered(page(ids_down_to(-3), "next"))
    assert walk.proof == "crossed"


def test_a_fault_asks_again_from_the_newest_of_the_last_three() -> None:
    walk = walked()
    walk.next()
    walk.answered(page(ids_down_to(20, 17, 15, 16, 12), "next"))
    walk.failed("503")
    assert walk.next() == Ask("#a", NOON - REACH_SECONDS, NOON + 1800, ids_down_to(16)[0])


def test_faults_without_end_make_it_give_up() -> None:
    walk = walked()
    for n in range(FAULTS_IN_A_ROW):
        assert (walk.cause, walk.faults_in_a_row) == (None, n)
        assert walk.next()
        walk.failed("503")
    assert walk.is_over
    assert "503" in (walk.cause or "")


def test_known_posts_and_then_faults_are_no_progress() -> None:
    walk = walked()
    n = 0
    while not walk.is_over and n < 100:
        n += 1
        walk.next()
        walk.answered(page(ids_down_to(20, 10), "next"))
        walk.next()
        walk.failed("503")
    assert "503" in (walk.cause or "")


def test_the_end_is_believed_the_second_time_and_its_cursor_is_followed() -> None:
    walk = walked()
    for cursor in ("a", "b", "c"):
        assert walk.proof is None
        assert walk.next()
        walk.answered(page(ids_down_to(20, 10, 5, 4), cursor))
        assert walk.next() is None, "a short page with a cursor is no end"
        walk.answered(page([], cursor))
    assert walk.proof == "end"


def test_one_known_post_at_a_time_is_not_the_end() -> None:
    """A page of one, asked from a known post, holds just that post: minimal case of a wrong proof."""
    posts = ids_down_to(9, 8, 7, 6, 5, -1, -2, -3)
    watched = Watched(walked(), Search(posts, iter(["well"] * 4 + ["fault", "well", "fault"]), size=1), 280)
    assert watched.until_over(at_most=40).proof == "crossed"
    assert not watched.lost(*SLICE)


def test_empty_answers_reach_further_before_they_are_believed() -> None:
    walk, since = walked(), []
    while not walk.is_over:
        ask = walk.next()
        assert ask
        since.append(NOON - ask.since)
        walk.answered(page([], None))
    assert since == [REACH_SECONDS * 4**n for n in range(EMPTY_ANSWERS)]
    assert walk.proof == "empty"


def test_emptiness_where_posts_were_known_is_no_proof() -> None:
    walk = walked(low_id=ids_down_to(10)[0])
    while not walk.is_over:
        walk.next()
        walk.answered(page([], None))
    assert walk.proof is None
    assert walk.cause


def test_a_full_question_is_asked_anew_from_its_mark() -> None:
    walk = walked(full=5)
    walk.next()
    walk.answered(page(ids_down_to(20, 19, 18, 17, 16), "next"))
    assert walk.is_full
    assert walk.next() == Ask("#a", NOON - REACH_SECONDS, NOON + 1800, ids_down_to(18)[0])


def test_entering_the_next_slice_keeps_a_question_only_if_it_reaches_below_it() -> None:
    for length, stays in ((1800, True), (REACH_SECONDS - LEAST_REACH_SECONDS, True), (REACH_SECONDS, False)):
        walk = walked()
        walk.next()
        walk.answered(page(ids_down_to(5, -1, -2, -3), "next"))
        assert walk.proof == "crossed"
        walk.enter(NOON - length, NOON)
        assert walk.proof is None
        asked = walk.next()
        assert (asked is None) is stays
        if asked:
            assert asked == Ask("#a", NOON - length - REACH_SECONDS, NOON, ids_down_to(-1)[0])


def test_what_the_site_cannot_be_asked_any_more_is_given_up() -> None:
    walk = walked()
    walk.bound(NOON + 600)
    asked = walk.next()
    assert asked
    assert asked.since == NOON + 600
    walk.answered(page(ids_down_to(25, 20, 12, 11), "next"))
    walk.bound(second_of(walk.low_id or 0) + 1)
    assert "far back" in (walk.cause or "")


@given(st.integers(1_300_000_000, 2_000_000_000), st.integers(0, 2**22 - 1), st.integers(0, 999))
def test_an_id_tells_its_second(second: int, rest: int, millisecond: int) -> None:
    assert second_of(tweet_id(second) + (millisecond << 22) + rest) == second
