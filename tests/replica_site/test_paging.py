import json
from collections import Counter
from typing import Any

import pytest

from tests.replica import Oracle
from tests.replica_site.client import GROUP, NOW, TERMS, View, ids_of, running

SINCE, UNTIL = NOW - 24 * 3600, NOW
BOUNDS = f"since_time:{int(SINCE)} until_time:{int(UNTIL)}"


def test_a_walk_gives_every_match_once_newest_first() -> None:
    with running(stall_after=None) as (site, client):
        views = client.walk(f"{GROUP} {BOUNDS}")
        found = ids_of(views)

        assert set(found) == site.oracle().matching(TERMS, SINCE, UNTIL)
        assert len(found) == 400
        assert found == sorted(found, key=int, reverse=True)
        assert {len(view.ids) for view in views[:-1]} == {20}
        assert site.oracle().not_results.isdisjoint(found)


def test_without_a_lower_bound_older_posts_show() -> None:
    with running(stall_after=None) as (site, client):
        found = set(ids_of(client.walk(GROUP)))

        assert found == site.oracle().matching(TERMS, 0, NOW)
        assert len(found) == 412


def test_slices_overlap_as_their_bounds_say() -> None:
    with running(stall_after=None) as (site, client):
        noon = int(NOW) - 12 * 3600
        oracle = site.oracle()
        early = ids_of(client.walk(f"#sensex since_time:{noon - 7200} until_time:{noon + 1}"))
        late = ids_of(client.walk(f"#sensex since_time:{noon - 3600} until_time:{noon + 3600}"))

        assert set(early) == oracle.matching(["#sensex"], noon - 7200, noon + 1)
        assert set(late) == oracle.matching(["#sensex"], noon - 3600, noon + 3600)
        assert set(early) & set(late) == oracle.matching(["#sensex"], noon - 3600, noon + 1)


def test_first_page_holds_its_cursors_and_later_ones_replace_them() -> None:
    with running() as (_, client):
        first = client.search(GROUP)
        second = client.search(GROUP, first.bottom)

    assert first.instructions == ["TimelineAddEntries"]
    assert first.entry_ids[-2].startswith("cursor-top-")
    assert first.entry_ids[-1].startswith("cursor-bottom-")
    assert second.instructions == ["TimelineAddEntries", "TimelineReplaceEntry", "TimelineReplaceEntry"]
    assert first.bottom is not None
    assert second.bottom not in (None, first.bottom)


def test_get_and_post_give_the_same_answer() -> None:
    with running() as (_, client):
        assert client.search(GROUP).body == client.search(GROUP, method="POST").body


def test_the_end_is_a_page_of_cursors_that_repeats() -> None:
    with running(stall_after=None) as (_, client):
        views = client.walk(f"#sensex {BOUNDS}")
        again = client.search(f"#sensex {BOUNDS}", views[-1].bottom)
        nothing = client.search("#sensex until_time:1000000000")

    assert views[-1].ids == again.ids == nothing.ids == []
    assert views[-1].bottom == again.bottom
    assert nothing.bottom is not None


def test_one_query_stalls_and_a_new_one_goes_on() -> None:
    with running(posts=1000, stall_after=100) as (site, client):
        wanted = site.oracle().matching(TERMS, SINCE, UNTIL)
        found: list[str] = []
        walks = 0
        bound = ""
        while ids := ids_of(client.walk(f"{GROUP} {BOUNDS}{bound}")):
            assert len(ids) <= 132
            found += ids
            bound = f" max_id:{int(ids[-1]) - 1}"
            walks += 1

    assert set(found) == wanted
    assert len(found) == len(wanted)
    assert 8 <= walks <= 13


def test_stalled_answers_look_like_the_end() -> None:
    with running(stall_after=40) as (site, client):
        views = client.walk(f"{GROUP} {BOUNDS}")

        assert 40 <= len(ids_of(views)) <= 60 < len(site.oracle().matching(TERMS, SINCE, UNTIL))
        assert views[-1].bottom == views[-2].bottom


@pytest.fixture(scope="module")
def walked() -> tuple[list[View], Oracle]:
    with running(posts=1200, stall_after=None) as (site, client):
        views = [view for term in TERMS for view in client.walk(f"{term} {BOUNDS}")]
        return views, site.oracle()


def test_every_entry_type_occurs(walked: tuple[list[View], Oracle]) -> None:
    views, oracle = walked
    full = [view for view in views if view.ids]
    types = Counter(kind for view in views for kind in view.types)

    assert set(types) == {
        "Tweet",
        "TweetWithVisibilityResults",
        "TweetTombstone",
        "TweetUnavailable",
        "TweetPreviewDisplay",
        "missing",
    }
    assert 0.35 < sum(bool(view.promoted) for view in full) / len(full) < 0.65
    promoted = {post_id for view in views for post_id in view.promoted}
    assert promoted <= oracle.not_results
    advertised = [entry_id for view in views for entry_id in view.entry_ids if "promoted" in entry_id]
    assert all(entry_id.startswith("promoted-tweet-") for entry_id in advertised)
    assert advertised
    gone = {
        entry_id.removeprefix("tweet-")
        for view in views
        for entry_id in view.entry_ids
        if entry_id.startswith("tweet-") and entry_id.removeprefix("tweet-") not in view.posts
    }
    assert gone
    assert gone <= oracle.not_results


def _nested(result: Any) -> set[str]:
    """Every id at which a post object lies within another."""
    found = set()
    if isinstance(result, dict):
        for name, value in result.items():
            if name in ("retweeted_status_result", "quoted_status_result", "quotedRefResult"):
                found.add(value["result"]["rest_id"])
            found |= _nested(value)
    elif isinstance(result, list):
        for value in result:
            found |= _nested(value)
    return found


def test_posts_take_every_shape(walked: tuple[list[View], Oracle]) -> None:
    views, oracle = walked
    posts = [post for view in views for post in view.posts.values()]
    texts = {post["rest_id"]: post["legacy"]["full_text"] for post in posts}
    users = [post["core"]["user_results"]["result"] for post in posts]

    nested = set().union(*map(_nested, posts))
    assert len(nested) > 20
    assert nested <= oracle.not_results
    long = [post for post in posts if "note_tweet" in post]
    assert long
    for post in long:
        full = post["note_tweet"]["note_tweet_results"]["result"]["text"]
        assert len(full) > len(texts[post["rest_id"]].split("… ")[0]) > 200
    assert any("#" not in texts[post["rest_id"]] for post in long), "a tag past the cut"
    assert any(text.startswith("RT @") and text.endswith("…") for text in texts.values())
    assert any("&amp;" in text for text in texts.values())
    assert any("&lt;" in text for text in texts.values())
    assert any(post["legacy"]["display_text_range"][0] > 0 for post in posts)
    edits = [post["edit_control"] for post in posts if "edit_control_initial" in post["edit_control"]]
    assert edits
    assert all(len(edit["edit_control_initial"]["edit_tweet_ids"]) > 1 for edit in edits)
    assert {"count" in post.get("views", {}) for post in posts} == {True, False}
    assert any("views" not in post for post in posts)
    shapes = {(bool(user.get("legacy")), "core" in user, "relationship_counts" in user) for user in users}
    assert shapes == {(True, False, False), (True, True, False), (False, True, True)}
    assert {"legacy" in user for user in users if "relationship_counts" in user} == {True, False}


def test_ids_texts_and_times_are_those_of_the_corpus(walked: tuple[list[View], Oracle]) -> None:
    views, oracle = walked
    truth = {post.id: post for post in oracle.posts}
    for view in views:
        for post_id, post in view.posts.items():
            assert post["legacy"]["id_str"] == post_id
            assert (int(post_id) >> 22) + 1_288_834_974_657 == truth[post_id].posted_at
            counts = oracle.current_counts(post_id)
            assert post["legacy"]["favorite_count"] == counts["favorite_count"]


def test_pages_weigh_about_what_real_ones_do(walked: tuple[list[View], Oracle]) -> None:
    views, _ = walked
    full = [len(view.body) for view in views if len(view.ids) == 20]

    assert 60_000 < sum(full) / len(full) < 200_000


def test_deleted_posts_vanish() -> None:
    with running(stall_after=None) as (site, client):
        before = set(ids_of(client.walk(GROUP)))
        gone = site.delete(25)
        after = set(ids_of(client.walk(GROUP)))

        assert len(gone) == 25
        assert after == before - gone == site.oracle().matching(TERMS, 0, NOW)
        assert {post.id for post in site.oracle().posts if post.is_deleted} == gone


def test_published_posts_come_first_and_do_not_move_a_walk() -> None:
    with running(now=None, stall_after=None) as (site, client):
        first = client.search(GROUP)
        new = site.publish(7)
        second = client.search(GROUP, first.bottom)

        assert new.isdisjoint(second.ids)
        assert set(first.ids).isdisjoint(second.ids)
        assert set(client.search(GROUP).ids[:7]) == new


def test_counts_grow_only_when_told() -> None:
    with running() as (site, client):
        first = client.search(GROUP)
        again = client.search(GROUP)
        site.grow(9)
        grown = client.search(GROUP)
        oracle = site.oracle()

    def likes(view: View) -> list[int]:
        return [post["legacy"]["favorite_count"] for post in view.posts.values()]

    assert first.body == again.body
    assert first.ids == grown.ids
    assert likes(grown) != likes(first)
    assert likes(first) == [oracle.first_counts(post_id)["favorite_count"] for post_id in first.ids]
    assert likes(grown) == [oracle.current_counts(post_id)["favorite_count"] for post_id in grown.ids]


def test_the_same_seed_and_requests_give_the_same_answers() -> None:
    bodies = []
    for _ in range(2):
        with running() as (_, client):
            bodies.append([view.body for view in client.walk(f"{GROUP} {BOUNDS}")])

    assert bodies[0] == bodies[1]


def test_the_log_holds_every_request_in_order() -> None:
    with running() as (site, client):
        first = client.search(GROUP)
        second = client.search(GROUP, first.bottom, method="POST")
        oracle = site.oracle()

    assert [(one.method, one.cursor, one.status, one.fault, one.ids) for one in oracle.requests] == [
        ("GET", None, 200, None, tuple(first.ids)),
        ("POST", first.bottom, 200, None, tuple(second.ids)),
    ]
    assert {one.raw_query for one in oracle.requests} == {GROUP}
    assert {one.account for one in oracle.requests} == {"account-1"}
    assert Oracle.from_json(json.loads(json.dumps(oracle.to_json()))) == oracle


def test_a_foreign_cursor_is_refused() -> None:
    with running() as (_, client):
        assert client.search(GROUP, "DAADDAABCgABnonsense").status == 400
        assert client.search(GROUP, "nonsense").status == 400
