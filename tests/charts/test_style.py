from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

from charts import style

DEVANAGARI = ["शेयरबाजार", "क्रय", "निफ्टी", "विद्यार्थी", "ज़्यादा", "शक्ति", "₹१२३"]


def drawn(text: str) -> Figure:
    """A figure with a text on it, drawn as pictures are, where a missing glyph is an error."""
    made = style.figure("", "", None, "")
    with style.house(), warnings.catch_warnings():
        warnings.simplefilter("error")
        made.text(0.1, 0.5, text)
        made.canvas.draw()
    return made


def width(text: str) -> float:
    return float(drawn(text).texts[-1].get_window_extent().width)


@pytest.mark.parametrize("word", DEVANAGARI)
def test_the_bundled_font_has_the_letters_of_hindi(word: str) -> None:
    glyphs = FT2Font(style.FONTS / "NotoSansDevanagari-Regular.ttf").get_charmap()
    assert not [char for char in word if ord(char) not in glyphs]
    drawn(f"#{word} −0.04")


@pytest.mark.parametrize("conjunct", ["क्र", "द्य", "क्त", "प्ट"])
def test_letters_join_as_they_do_in_hindi(conjunct: str) -> None:
    first, virama, second = conjunct
    assert width(conjunct) < width(first + virama + "\N{ZERO WIDTH NON-JOINER}" + second)


def test_a_missing_glyph_would_be_an_error_here() -> None:
    with pytest.raises(UserWarning, match="missing from font"):
        drawn("தமிழ்")


@given(st.text(max_size=30))
def test_what_is_called_drawable_has_glyphs(text: str) -> None:
    kept = style.drawable(text)
    assert all(ord(char) in style._drawable_characters() for char in kept)
    assert style.drawable(kept) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [("nifty50", "nifty50"), ("शेयरबाजार", "शेयरबाजार"), ("🚀moon🚀🚀", "…moon…"), ("தமிழ்", "…"), ("", "")],
)
def test_what_cannot_be_drawn_leaves_an_ellipsis(text: str, kept: str) -> None:
    assert style.drawable(text) == kept


def test_a_cashtag_is_no_formula() -> None:
    # One sign alone is never taken for mathematics; two would be.
    assert width("$tcs$") == pytest.approx(width("$tcs") + width("$"), abs=2)


def test_a_long_title_fits() -> None:
    made = style.figure("A finding in words that are far too long for one line " * 3, "", None, "")
    assert made.texts[0].get_window_extent().x1 < made.bbox.width


def test_the_licence_is_with_the_fonts() -> None:
    assert "SIL OPEN FONT LICENSE" in (style.FONTS / "OFL.txt").read_text()
    listed = (style.FONTS / "README.md").read_text()
    assert all(path.name in listed for path in style.FONTS.glob("*.ttf"))
