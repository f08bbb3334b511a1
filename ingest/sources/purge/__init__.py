"""Remove posts from every layer, and keep them out: by post or by author.

    ids, handles ──> records of the purge entity ──landed──> applied to records, originals, quarantine

Excluded: already_purged.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from config import Settings, settings
from ingest.entities import Excluded, Item, Origin
from ingest.entities.purges.capture import purge_of_author, purge_of_post
from ingest.entities.purges.schema import ENTITY
from ingest.entities.tweets.identity import read_handle, read_tweet_id
from ingest.purging import Purged, known_names, landed_rows, purged_in
from ingest.runs import Run, SourceError

HELP = "remove posts from every layer and keep them out, by id or by author"

NEXT_STEP = (
    "The published tables still hold what was removed until the next build: make build."
    " Then draw the pictures and reports anew: make charts quality."
)

_DERIVED_ID = re.compile(r"h[0-9a-f]{24}")
_WORD = re.compile(r"[^\s,]+")
_ORIGIN = Origin("purge")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whom and what to purge, and why."""
    parser.add_argument(
        "--ids",
        nargs="+",
        default=[],
        metavar="ID",
        help="posts: ids, links, derived ids ('h…'), @file with a list of them, or - for standard input",
    )
    parser.add_argument(
        "--author",
        nargs="+",
        default=[],
        metavar="NAME",
        help="authors: handles, links to profiles, or X's numeric ids (a handle of digits needs its '@')",
    )
    parser.add_argument(
        "--reason",
        help="requested, deleted, suspended, protected, withheld, …; it is kept, so quote no post in it",
    )


def items(arguments: argparse.Namespace, run: Run) -> Iterator[Item]:
    """One record per post and per name of an author; what is purged already is Excluded."""
    posts, authors = _wanted(arguments, run.settings)
    run.notes.append(NEXT_STEP)
    return _records(posts, authors, arguments.reason, purged_in(run.settings))


def _records(
    posts: list[str], authors: list[tuple[str | None, str | None]], reason: str | None, known: Purged
) -> Iterator[Item]:
    now = datetime.now(UTC)
    for tweet_id in posts:
        if tweet_id in known.posts:
            yield Excluded(ENTITY, "already_purged", _ORIGIN)
        else:
            yield purge_of_post(tweet_id, reason=reason, requested_at=now, origin=_ORIGIN)
    for author_id, handle in authors:
        if {author_id} <= known.author_ids | {None} and {handle} <= known.handles | {None}:
            yield Excluded(ENTITY, "already_purged", _ORIGIN)
        else:
            yield purge_of_author(author_id, handle, reason=reason, requested_at=now, origin=_ORIGIN)


def explain(arguments: argparse.Namespace) -> str:
    """What would be purged, and how many landed sightings of it there are."""
    config = settings()
    posts, authors = _wanted(arguments, config)
    purged = Purged(
        frozenset(posts),
        frozenset(author_id for author_id, _ in authors if author_id),
        frozenset(handle for _, handle in authors if handle),
    )
    sightings, held = landed_rows(config, purged)
    named = [f"@{handle or '?'} (id {author_id or 'unknown'})" for author_id, handle in authors]
    return "\n".join(
        [
            f"{len(posts):,} posts and {len(purged.author_ids | purged.handles):,} names of authors",
            *(f"  author {name}" for name in named),
            f"{sightings:,} landed sightings of {held:,} posts would be removed, reposts included",
        ]
    )


def _wanted(
    arguments: argparse.Namespace, config: Settings
) -> tuple[list[str], list[tuple[str | None, str | None]]]:
    """The ids of posts, and the (id, handle) pairs of authors, as landed posts know them."""
    posts = _read_ids(arguments.ids)
    ids, handles = _read_authors(arguments.author)
    if not (posts or ids or handles):
        raise SourceError("Nothing to purge: name posts with --ids or authors with --author.")
    pairs = known_names(config, ids, handles) if ids or handles else set()
    found_ids, found_handles = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    authors: list[tuple[str | None, str | None]] = [*sorted(pairs)]
    authors += [(author_id, None) for author_id in ids if author_id not in found_ids]
    authors += [(None, handle) for handle in handles if handle not in found_handles]
    return posts, authors


def _read_ids(words: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    unread = []
    for word in (word for given in words for word in _listed(given)):
        if _DERIVED_ID.fullmatch(word):
            found[word] = None
        elif (read := read_tweet_id(word)) and not read[1]:
            found[read[0]] = None
        else:
            unread.append(word)
    if unread:
        raise SourceError(
            f"{len(unread):,} of the ids are none, such as {unread[0][:60]!r}; nothing was purged."
            " An id is digits, a link to the post, or a derived id ('h' and 24 hexadecimal digits)."
        )
    return list(found)


def _listed(word: str) -> list[str]:
    """The words of a list that ``word`` refers to, or the word itself."""
    if word == "-":
        return _WORD.findall(sys.stdin.read())
    if word.startswith("@"):
        try:
            return _WORD.findall(Path(word[1:]).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"The list of ids cannot be read: {word[1:]}: {error}") from error
    return [word]


def _read_authors(names: Iterable[str]) -> tuple[list[str], list[str]]:
    ids: dict[str, None] = {}
    handles: dict[str, None] = {}
    for name in names:
        if name.isascii() and name.isdigit():
            ids[name.lstrip("0")] = None
        elif handle := read_handle(name):
            handles[handle.lower()] = None
        else:
            raise SourceError(
                f"{name!r} is no author: a handle has at most 15 letters, digits and _, an id is digits."
            )
    return list(ids), list(handles)
