"""CSV of any dialect and Parquet, row by row."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sources.archive import tables
from ingest.sources.archive.files import TextFile
from ingest.sources.archive.tables import CsvRow, Dialect, csv_rows, dialect_of, parquet_rows

COMMA = Dialect(",", None)


class Text(TextFile):
    """A text file's text, without the file."""

    def __init__(self, text: str, is_cut_short: bool = False):
        super().__init__(Path(), "utf-8")
        self._text = text
        self._is_cut = is_cut_short

    def __iter__(self):
        yield self._text
        self.is_cut_short = self._is_cut


def rows_of(text: str, dialect: Dialect = COMMA, is_cut_short: bool = False) -> list[CsvRow]:
    return list(csv_rows(Text(text, is_cut_short), dialect))


def cells(row: CsvRow) -> list[str] | None:
    return list(row.cells.values()) if row.cells else None


@pytest.mark.parametrize(
    ("head", "dialect"),
    [
        ("id,text,likes\n1,a,2\n", Dialect(",", None)),
        ("id;text;likes\n1;a, b, c;2\n", Dialect(";", None)),
        ("id\ttext\tlikes\n1\ta, b\t2\n", Dialect("\t", None)),
        ("id|text|likes\n1|a|2\n", Dialect("|", None)),
        ('id,text\r\n1,"a ""b"""\r\n', Dialect(",", None)),
        ('id,text\r1,"a \\"b\\""\r', Dialect(",", "\\")),
        ("open,high\n1,2\n", None),
        ("just words, and more words\n", None),
        ("", None),
    ],
)
def test_dialects(head: str, dialect: Dialect | None) -> None:
    assert dialect_of(head) == dialect


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"])),
            min_size=3,
            max_size=3,
        )
    ),
    st.sampled_from(",;\t|"),
)
def test_what_the_csv_module_writes_is_read_back(table: list[list[str]], delimiter: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b", "c"], *table])
    assert [cells(row) for row in rows_of(out.getvalue(), Dialect(delimiter, None))] == table


def test_columns_of_one_name_and_blank_lines() -> None:
    (row,) = rows_of("text, text ,text\n\n1,2,3\n\n")
    assert row.cells == {"text": "1", "text.2": "2", "text.3": "3"}


def test_rows_of_another_width_are_broken_and_the_rest_goes_on() -> None:
    rows = rows_of("a,b\n1,2\n3\n4,5,6\n7,8\n")
    assert [(row.number, cells(row), row.raw) for row in rows] == [
        (1, ["1", "2"], ""),
        (2, None, "3"),
        (3, None, "4,5,6"),
        (4, ["7", "8"], ""),
    ]


def test_a_quote_that_never_closes_costs_one_line() -> None:
    rows = rows_of('a,b\n1,2\n3,"open\n5,6\n7,"two\nlines"\n')
    assert [cells(row) for row in rows] == [["1", "2"], None, ["5", "6"], ["7", "two\nlines"]]
    assert rows[1].raw == '3,"open'


def test_nor_does_it_swallow_a_long_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_MOST_LINES", 10)
    rows = rows_of('a,b\n3,"open\n' + "".join(f"{n},x\n" for n in range(100)))
    assert [row.raw for row in rows if row.cells is None] == ['3,"open']
    assert len(rows) == 101


def test_the_last_row_of_a_cut_file_is_not_believed() -> None:
    rows = rows_of("a,b\n1,2\n3,maybe", is_cut_short=True)
    assert [(cells(row), row.raw, row.reason) for row in rows[1:]] == [(None, "3,maybe", "truncated_file")]
    assert [row.reason for row in rows_of("a,b\n1,2\n", is_cut_short=True)] == ["", "truncated_file"]


def test_windows_bytes_are_read_and_marked() -> None:
    text = b"a,b\n1,caf\xe9\n2,plain\n".decode("utf-8", "surrogateescape")
    assert [(cells(row), row.is_guessed) for row in rows_of(text)] == [
        (["1", "café"], True),
        (["2", "plain"], False),
    ]


def test_parquet_of_all_kinds(tmp_path: Path) -> None:
    at = datetime(2025, 8, 31, 14, 22, 53, tzinfo=UTC)
    table = pa.table(
        {
            "id": [1962159159849414952],
            "at": pa.array([at], pa.timestamp("ns", "UTC")),
            "likes": pa.array([float("nan")]),
            "tags": [["a", "b"]],
            "user": [{"name": "x", "metrics": {"followers": 3}}],
        }
    )
    pq.write_table(table, tmp_path / "f.parquet")
    expected = {
        "id": 1962159159849414952,
        "at": at,
        "likes": None,
        "tags": ["a", "b"],
        "user.name": "x",
        "user.metrics.followers": 3,
    }
    assert list(parquet_rows(tmp_path / "f.parquet")) == [expected]
    (tmp_path / "f.gz").write_bytes(gzip.compress((tmp_path / "f.parquet").read_bytes()))
    assert list(parquet_rows(tmp_path / "f.gz")) == [expected]


def test_parquet_is_read_batch_by_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_BATCH", 10)
    pq.write_table(pa.table({"id": list(range(100))}), tmp_path / "f.parquet")
    shares: list[float] = []
    rows = parquet_rows(tmp_path / "f.parquet", shares.append)
    for _ in range(11):
        next(rows)
    assert shares == [0.1]
