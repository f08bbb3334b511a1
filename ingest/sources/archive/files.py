"""Find files and open them by what they hold: gzip, encoding, and whole characters of text."""

from __future__ import annotations

import codecs
import glob
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ingest.runs import SourceError

CHUNK = 1 << 20  # bytes read at a time
HEAD = 1 << 16  # bytes kept of a file that cannot be read, and looked at to recognise one
GZIP = b"\x1f\x8b"

OnBytes = Callable[[int], None]


class ArchiveError(SourceError):
    """What was asked for cannot be read: what, where, and what to do."""


def find_files(paths: Sequence[str | Path]) -> list[Path]:
    """Return the files that ``paths`` (files, folders, globs) name, each once, in sorted order.

    Folders are searched to any depth without hidden files. Raises ArchiveError for a path
    that does not exist or a glob that matches nothing.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        text = os.fspath(path)
        if os.path.exists(text):
            matches = [Path(text)]
        elif glob.has_magic(text):
            matches = [Path(match) for match in glob.glob(text, recursive=True)]
            if not matches:
                raise ArchiveError(
                    f"No file matches {text!r} (from {os.getcwd()}). Check the pattern, and quote it"
                    " so that the shell does not expand it."
                )
        else:
            raise ArchiveError(f"There is no file or folder {text!r} (from {os.getcwd()}). Check the path.")
        for match in matches:
            for file in _files_below(match) if match.is_dir() else (match,):
                found.setdefault(file.resolve(), file)
    return sorted(found.values(), key=str)


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file = Path(parent, name)
            # A broken link is reported; a pipe or socket would block.
            if not name.startswith(".") and (file.is_file() or not file.exists()):
                yield file


class TextFile:
    """The text of a file in chunks, whether gzip or not; iterate once.

    ``on_bytes`` is told how many bytes of the file were read. A gzip file that ends early or
    breaks gives what could be decompressed and sets ``is_cut_short``. Bytes that are not in
    the encoding become lone surrogates, which ``raw`` turns back. ``characters`` counts what
    was given so far.
    """

    def __init__(self, path: Path, encoding: str, on_bytes: OnBytes | None = None):
        self.path = path
        self.encoding = encoding
        self.is_cut_short = False
        self.characters = 0
        self._on_bytes = on_bytes

    def __iter__(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self.encoding)(errors=_errors(self.encoding))
        for data in self._bytes():
            if text := decoder.decode(data):
                self.characters += len(text)
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    def _bytes(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            unpack = _Gunzip() if file.peek(2)[:2] == GZIP else None
            done = 0
            while data := file.read(CHUNK):
                done += len(data)
                if self._on_bytes:
                    self._on_bytes(done)
                if unpack is None:
                    yield data
                    continue
                try:
                    yield from unpack(data)
                except zlib.error:
                    self.is_cut_short = True
                    return
        if unpack is not None and not unpack.is_complete:
            self.is_cut_short = True

    def raw(self, text: str) -> bytes:
        """Return the bytes ``text`` was decoded from."""
        encoding = self.encoding.removesuffix("-sig")
        return text.encode(encoding, _errors(encoding))


def mended(cells: list[str]) -> tuple[list[str], bool]:
    """Return text whose bytes are not UTF-8 as read in Windows-1252, and whether there was any."""
    joined = "".join(cells)
    if joined.isascii():
        return cells, False
    try:
        joined.encode()
    except UnicodeEncodeError:
        return [_from_windows(cell) for cell in cells], True
    return cells, False


def _from_windows(text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    try:
        return data.decode()
    except UnicodeDecodeError:
        # Its five undefined bytes are control characters in Latin-1.
        return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in data)


def _errors(encoding: str) -> str:
    return "surrogateescape" if encoding.startswith("utf-8") else "replace"


class _Gunzip:
    """Decompress gzip bytes as they come, several members too; pieces of bounded size."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._held = b""
        self.is_complete = False

    def __call__(self, data: bytes) -> Iterator[bytes]:
        data, self._held = self._held + data, b""
        while data:
            if self._member.eof:
                if len(data) < len(GZIP):  # perhaps half of the next member's mark
                    self._held = data
                    return
                if not data.startswith(GZIP):  # padding after the last member
                    return
                self._member = zlib.decompressobj(wbits=31)
            piece = self._member.decompress(data, CHUNK)
            data = self._member.unconsumed_tail or self._member.unused_data
            self.is_complete = self._member.eof
            if piece:
                yield piece


def head_of(path: Path) -> tuple[bytes, bool]:
    """Return the first (decompressed) bytes of a file, at most HEAD, and whether it is gzip."""
    with path.open("rb") as file:
        data = file.read(HEAD)
    if not data.startswith(GZIP):
        return data, False
    head = b""
    try:
        for piece in _Gunzip()(data):
            head += piece
            if len(head) >= HEAD:
                break
    except zlib.error:
        pass  # a broken gzip file has no head
    return head[:HEAD], True


def encoding_of(head: bytes) -> str | None:
    """Return the encoding of a file that begins with ``head``; None for bytes that are no text.

    UTF-16 is known by its mark or its zero bytes. All else is read as UTF-8, and single
    records that are not are repaired where they stand.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if odd > 0.4 * len(head) / 2 and not even:
            return "utf-16-le"
        if even > 0.4 * len(head) / 2 and not odd:
            return "utf-16-be"
        return None
    return "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"


def lines(text: TextFile, longest: int) -> Iterator[tuple[str, bool]]:
    """Yield (line without its end, whether it is whole) of a text.

    A line longer than ``longest`` characters is cut to HEAD characters and not whole; so is
    the last one of a file that was cut short. Lines end in a new line, or in a carriage
    return where a file has no other.
    """
    tail, is_over = "", False
    end = ""
    for chunk in text:
        end = end or ("\n" if "\n" in chunk or "\r" not in chunk else "\r")
        *whole, last = (tail + chunk).split(end)
        for line in whole:
            yield (line[:HEAD], False) if is_over else (line, True)
            is_over = False
        tail = last
        if is_over or len(tail) > longest:
            tail, is_over = tail[:HEAD], True
    if tail or text.is_cut_short:
        yield tail, not (is_over or text.is_cut_short)


def fingerprint(path: Path) -> tuple[bytes, str]:
    """Return a file's first bytes, at most HEAD, and the SHA-256 of the whole in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        head = file.read(HEAD)
        digest.update(head)
        while data := file.read(CHUNK):
            digest.update(data)
    return head, digest.hexdigest()
