"""Stream the values of a JSON text that is not line by line, however large its arrays are.

The standard decoder reads one value at a time from a window over the file; a value that is
too large for the window and is an object or array is entered instead. Unlike event parsers
this reads NaN, which Python and pandas write, and keeps the raw text of what is broken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LARGEST = 1 << 24  # characters of one value held in memory

_DECODER = json.JSONDecoder(parse_constant=lambda _: None)
_NUMBER_END = re.compile(r"[0-9.eE+-]*\Z")
_SPACE = " \t\r\n\ufeff"


class BrokenJson(Exception):
    """The text is not JSON from some point on; ``rest`` is what follows, as far as it was read."""

    def __init__(self, rest: str):
        super().__init__("broken JSON")
        self.rest = rest


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and whether it stood in an array or on its own at the top (else under a key)."""

    value: object
    is_record: bool


def values(chunks: Iterable[str]) -> Iterator[Found]:
    """Yield a text's values: the items of a top array, or whole objects, one after the other.

    An object too large for memory, or broken, is entered: the items of its arrays are yielded
    one by one. Raises BrokenJson after the last value that could be read.
    """
    window = _Window(iter(chunks))
    while window.peek():
        yield from _entered(window, is_top=True)


def load(text: str) -> object:
    """Return the value of one JSON text; NaN is null. Raises ValueError for broken or too deep JSON."""
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


class _Window:
    """A moving view on a text, with a position in it."""

    def __init__(self, chunks: Iterator[str]):
        self._chunks = chunks
        self._text = ""
        self._at = 0

    def _grow(self, by: int = 1) -> bool:
        """Read on until ``by`` more characters are there; return whether any came."""
        parts, size = [self._text[self._at :]], 0
        while size < by and (chunk := next(self._chunks, "")):
            parts.append(chunk)
            size += len(chunk)
        self._text, self._at = "".join(parts), 0
        return size > 0

    def peek(self) -> str:
        """Return the next character that is not white space, '' at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._grow():
                return ""

    def take(self, expected: str) -> None:
        """Step over the next character, which must be ``expected``."""
        if self.peek() != expected:
            raise BrokenJson(self.rest())
        self._at += 1

    def value(self) -> object:
        """Return the next value. Raises BrokenJson, without moving, if it is broken or too large."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError as error:
                raise BrokenJson(self.rest()) from error
            except ValueError as error:
                size = len(self._text) - self._at
                # Doubling keeps a large value from being read again for every chunk.
                if size > LARGEST or not self._grow(max(size, 1)):
                    raise BrokenJson(self.rest()) from error
                continue
            is_open = not isinstance(value, dict | list | str) and _NUMBER_END.match(self._text, end)
            if is_open and self._grow():
                continue  # the number may go on
            self._at = end
            return value

    def rest(self) -> str:
        return self._text[self._at :]


def _entered(window: _Window, *, is_top: bool) -> Iterator[Found]:
    first = window.peek()
    if first == "[":
        yield from _items(window, is_top=is_top)
        return
    try:
        value = window.value()
    except BrokenJson:
        if first != "{":
            raise
    else:
        yield Found(value, is_top)
        return
    window.take("{")
    while window.peek() != "}":
        if not isinstance(window.value(), str):
            raise BrokenJson(window.rest())
        window.take(":")
        if window.peek() in "[{":
            yield from _entered(window, is_top=False)
        else:
            window.value()
        if window.peek() != "}":
            window.take(",")
    window.take("}")


def _items(window: _Window, *, is_top: bool) -> Iterator[Found]:
    window.take("[")
    while window.peek() != "]":
        value = window.value()
        yield Found(value, is_top or isinstance(value, dict))
        if window.peek() != "]":
            window.take(",")
    window.take("]")
