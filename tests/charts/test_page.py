from __future__ import annotations

from html.parser import HTMLParser
from math import nan

from hypothesis import given
from hypothesis import strategies as st

from charts.data import Estimate
from charts.page import Html, element, table, together, whisker


class Seen(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


# What a parser drops or joins of any page is no matter of escaping.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)


@given(TEXT, TEXT)
def test_text_and_attributes_come_back_as_they_went_in(text: str, title: str) -> None:
    seen = Seen(element("p", text, element("b", text), title=title))
    assert [tag for tag, _ in seen.tags] == ["p", "b"]
    assert seen.text.replace("\N{NO-BREAK SPACE}%", " %") == 2 * text.replace("\N{NO-BREAK SPACE}%", " %")
    assert seen.tags[0][1] == {"title": title}


def test_markup_of_a_post_stays_text() -> None:
    markup = element("td", "<script>alert('x')</script>")
    assert "<script" not in markup
    assert Seen(markup).tags == [("td", {})]
    assert together(Html("<br>"), "<br>") == "<br>&lt;br&gt;"


def test_attributes_have_their_names_in_html() -> None:
    markup = element("svg", class_="a", stroke_width=1.0, viewBox="0 0 1 1", aria_label=None, x=2.25)
    assert markup == '<svg class="a" stroke-width="1" viewBox="0 0 1 1" x="2.2"></svg>'


def test_a_table_names_its_rows_and_columns() -> None:
    seen = Seen(table("Scores", ["Name", "Posts"], [["<b>", "1"], ["B", "2"]]))
    heads = [attributes["scope"] for tag, attributes in seen.tags if tag == "th"]
    assert heads == ["col", "col", "row", "row"]
    assert "b" not in [tag for tag, _ in seen.tags]


def test_a_whisker_is_hollow_without_an_interval_and_stays_within_its_scale() -> None:
    def shapes(score: Estimate) -> dict[str, dict[str, str | None]]:
        return dict(Seen(whisker(score, 0.5, 100, 20)).tags)

    told, untold = shapes(Estimate(0.2, 0.1, 0.9)), shapes(Estimate(0.2, nan, nan))
    assert "rect" not in untold
    assert untold["circle"]["fill"] == "white"
    x, width = (float(told["rect"][name] or 0) for name in ("x", "width"))
    assert 50 < x < float(told["circle"]["cx"] or 0) < x + width <= 100
    assert "circle" not in shapes(Estimate(nan, nan, nan))
