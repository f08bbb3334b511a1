"""Streaming the values of a JSON text."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sources.archive import json_text
from ingest.sources.archive.json_text import BrokenJson, values

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
OBJECT = st.dictionaries(st.text(max_size=4), JSON, max_size=3)


def pieces(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


def read(text: str, size: int = 7) -> tuple[list[object], str | None]:
    """Return the values read, and the rest if the text is broken."""
    found: list[object] = []
    try:
        for item in values(pieces(text, size)):
            found.append(item.value)
    except BrokenJson as broken:
        return found, broken.rest
    return found, None


@given(st.lists(JSON), st.integers(1, 40), st.sampled_from([None, 2]))
def test_an_array_gives_its_items_however_it_is_cut(
    items: list[object], size: int, indent: int | None
) -> None:
    assert read(json.dumps(items, indent=indent), size) == (items, None)


@given(st.lists(OBJECT, min_size=1, max_size=6), st.integers(1, 40))
def test_objects_one_after_the_other(objects: list[object], size: int) -> None:
    assert read("\n".join(json.dumps(item, indent=1) for item in objects), size) == (objects, None)


@given(st.lists(OBJECT, min_size=1, max_size=6), st.data())
def test_a_truncated_array_gives_what_was_whole(items: list[object], data: st.DataObject) -> None:
    text = json.dumps(items)
    cut = data.draw(st.integers(1, len(text) - 1))
    found, rest = read(text[:cut])
    assert found == items[: len(found)]
    assert rest is not None
    whole = sum(1 for count in range(1, len(items) + 1) if len(json.dumps(items[:count])) - 1 <= cut)
    assert len(found) == whole


def test_not_a_number_is_null() -> None:
    assert read('[{"a": NaN}, {"a": -Infinity}]') == ([{"a": None}, {"a": None}], None)


def test_a_broken_item_ends_the_array_and_is_kept() -> None:
    assert read('[{"a": 1}, {"a": oops}, {"a": 3}]') == ([{"a": 1}], '{"a": oops}, {"a": 3}]')


@pytest.mark.parametrize("text", ["", " \n ", "\ufeff"])
def test_nothing(text: str) -> None:
    assert read(text) == ([], None)


def test_an_object_too_large_for_memory_is_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "LARGEST", 200)
    items = [{"n": number, "text": "x" * 20} for number in range(50)]
    text = json.dumps({"meta": {"count": 50}, "ids": [1, 2], "page": {"tweets": items}, "done": True})
    found = list(values(pieces(text, 16)))
    assert [item.value for item in found if item.is_record] == items
    assert [item.value for item in found if not item.is_record] == [{"count": 50}, 1, 2]


def test_a_truncated_object_is_entered_too() -> None:
    found, rest = read('{"statuses": [{"id": 1}, {"id": 2}, {"id')
    assert (found, rest) == ([{"id": 1}, {"id": 2}], '{"id')


def test_too_deep_is_broken() -> None:
    found, rest = read("[[1], " + "[" * 100_000)
    assert found == [[1]]
    assert rest
