"""Finding files and opening them by what they hold."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.runs import SourceError
from ingest.sources.archive import files
from ingest.sources.archive.files import (
    ArchiveError,
    TextFile,
    encoding_of,
    find_files,
    fingerprint,
    head_of,
    lines,
    mended,
)


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def test_files_folders_and_globs_each_file_once_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.csv", "sub/a.json", "sub/deep/c.json", ".hidden", ".git/config", "sub/.x")
    everything = [tmp_path / name for name in ("b.csv", "sub/a.json", "sub/deep/c.json")]
    assert find_files([tmp_path]) == everything
    assert find_files([tmp_path / "sub", tmp_path / "b.csv", str(tmp_path / "**/*.json")]) == everything
    assert find_files([str(tmp_path / "s*")]) == everything[1:]


def test_a_name_with_glob_characters_is_a_name_first(tmp_path: Path) -> None:
    make(tmp_path, "a[1].csv")
    assert find_files([tmp_path / "a[1].csv"]) == [tmp_path / "a[1].csv"]


def test_what_does_not_exist_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"no file or folder .*nothing\.csv"):
        find_files([tmp_path / "nothing.csv"])
    with pytest.raises(SourceError, match=r"No file matches .*\*\.csv"):
        find_files([str(tmp_path / "*.csv")])


def test_an_empty_folder_is_no_error(tmp_path: Path) -> None:
    assert find_files([tmp_path]) == []


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"plain", "utf-8"),
        ("तेजी".encode(), "utf-8"),
        (b"\xef\xbb\xbfid", "utf-8-sig"),
        ("id,text".encode("utf-16"), "utf-16"),
        ("id,text".encode("utf-16-le"), "utf-16-le"),
        ("id,text".encode("utf-16-be"), "utf-16-be"),
        (b"caf\xe9", "utf-8"),
        (b"\x00\x01\x02\x00\x00", None),
    ],
)
def test_encodings(data: bytes, encoding: str | None) -> None:
    assert encoding_of(data) == encoding


def text_of(path: Path, encoding: str = "utf-8") -> tuple[str, bool]:
    text = TextFile(path, encoding)
    return "".join(text), text.is_cut_short


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive") / "f"


@given(text=st.text(max_size=200), chunk=st.integers(1, 30), members=st.integers(1, 3))
def test_gzip_in_any_pieces_gives_the_text_back(scratch: Path, text: str, chunk: int, members: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "CHUNK", chunk)
        path = scratch
        path.write_bytes(gzip.compress(text.encode()) * members)
        assert text_of(path) == (text * members, False)


def test_gzip_that_grows_a_thousandfold_is_given_in_small_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK", 7)
    (tmp_path / "f").write_bytes(gzip.compress(b"x" * 50_000))
    pieces = list(TextFile(tmp_path / "f", "utf-8"))
    assert "".join(pieces) == "x" * 50_000
    assert max(map(len, pieces)) == 7


def test_gzip_that_ends_early_gives_its_beginning(tmp_path: Path) -> None:
    packed = gzip.compress("".join(f"line {n}\n" for n in range(50_000)).encode())
    (tmp_path / "f").write_bytes(packed[: len(packed) // 2])
    text, is_cut_short = text_of(tmp_path / "f")
    assert is_cut_short
    assert text.startswith("line 0\nline 1\n")
    (tmp_path / "f").write_bytes(packed[:-4])  # only the checksum is missing
    assert text_of(tmp_path / "f")[1]


def test_progress_is_told_in_bytes_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "f.gz"
    path.write_bytes(gzip.compress(b"x" * 100_000))
    told: list[int] = []
    assert "".join(TextFile(path, "utf-8", told.append)) == "x" * 100_000
    assert told == [path.stat().st_size]


def test_bytes_that_are_not_utf8_come_back_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"caf\xe9 \xf0\x9f\x98\x80")
    text = TextFile(tmp_path / "f", "utf-8")
    assert text.raw("".join(text)) == b"caf\xe9 \xf0\x9f\x98\x80"


def test_windows_text_is_mended_cell_by_cell() -> None:
    cells = [b"caf\xe9 \x93up\x94 \x81".decode("utf-8", "surrogateescape"), "तेजी"]
    assert mended(cells) == (["café “up” \x81", "तेजी"], True)
    assert mended(["तेजी"]) == (["तेजी"], False)


def split(tmp_path: Path, data: bytes, longest: int = 1000) -> list[tuple[str, bool]]:
    (tmp_path / "f").write_bytes(data)
    return list(lines(TextFile(tmp_path / "f", "utf-8"), longest))


def test_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "CHUNK", 3)
    assert split(tmp_path, "a\n\u2028b\n\ncccc".encode()) == [
        ("a", True),
        ("\u2028b", True),
        ("", True),
        ("cccc", True),
    ]
    assert split(tmp_path, b"a\rb\rc") == [("a", True), ("b", True), ("c", True)]
    assert split(tmp_path, b"") == []


def test_a_line_too_long_is_cut_and_the_next_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK", 8)
    monkeypatch.setattr(files, "HEAD", 4)
    assert split(tmp_path, b"x" * 100 + b"\nnext\n" + b"y" * 50, 20) == [
        ("xxxx", False),
        ("next", True),
        ("yyyy", False),
    ]


def test_heads_and_fingerprints(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 100_000)
    head, digest = fingerprint(tmp_path / "f")
    assert (len(head), digest) == (65_536, hashlib.sha256(b"x" * 100_000).hexdigest())
    (tmp_path / "g").write_bytes(gzip.compress(b"hello"))
    assert head_of(tmp_path / "g") == (b"hello", True)
    (tmp_path / "g").write_bytes(b"\x1f\x8bnot gzip")
    assert head_of(tmp_path / "g") == (b"", True)
