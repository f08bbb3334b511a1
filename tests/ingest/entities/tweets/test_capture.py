"""What every parser of the entity shares: canonical payloads, clean strings, known warnings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import entities
from ingest.entities import Origin
from ingest.entities.tweets.capture import PARSE_WARNINGS, canonical_json, captured, digits, unescaped

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_every_json_value_has_a_payload_that_is_json(value: object) -> None:
    payload = canonical_json(value)
    assert canonical_json(json.loads(payload)) == payload


def test_payloads_ignore_key_order_and_keep_letters() -> None:
    assert (
        canonical_json({"b": "तेजी", "a": 1})
        == canonical_json({"a": 1, "b": "तेजी"})
        == '{"a":1,"b":"तेजी"}'.encode()
    )
    assert canonical_json({"a": float("nan"), "b": [float("inf")]}) == b'{"a":null,"b":[null]}'
    assert canonical_json("\ud83d") == b'"\\ud83d"'


def test_broken_unicode_is_mended_and_said() -> None:
    item = captured(
        {"text": "up \ud83d", "author_name": "a\ud83d\ude00", "hashtags": ["x\udc80"], "lang": None},
        warnings=[],
        payload=b"",
        origin=Origin("f"),
    )
    assert item.fields == {
        "text": "up \ufffd",
        "author_name": "a😀",
        "hashtags": ["x\ufffd"],
        "parse_warnings": ["text_repaired"],
    }


@pytest.mark.parametrize(
    ("text", "meant"),
    [("R&amp;D &lt;b&gt;", "R&D <b>"), ("&amp;lt;", "&lt;"), ("AT&T &copy;", "AT&T &copy;")],
)
def test_entities_are_undone_once(text: str, meant: str) -> None:
    assert unescaped(text) == meant


@pytest.mark.parametrize(
    ("value", "read"),
    [(5, "5"), ("005", "5"), (True, None), ("५", None), ("1" * 20, None), (-1, None), (1.0, None), (0, None)],
)
def test_digits(value: object, read: str | None) -> None:
    assert digits(value) == read


def test_every_documented_warning_is_used_and_no_other() -> None:
    folders = [
        Path(entities.__file__).parent / "tweets",
        Path(entities.__file__).parents[1] / "sources" / "archive",
    ]
    code = "\n".join(path.read_text() for folder in folders for path in folder.glob("*.py"))
    for warning in PARSE_WARNINGS:
        assert code.count(f'"{warning}"') > 1, f"{warning} is documented and never given"
