"""Speed of the whole text step beside VADER and scikit-learn's TF-IDF: `make bench`.

Every distinct normalised text of the scale set goes through the functions that a build calls, in DuckDB with
two threads: scores, topics, terms and evidence; instruments and strikes; trade calls. Each tool runs once to
warm up (numba compiles on the first run on a machine) and then three times, by turns.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from ml import baselines, instruments, score, topics, trade_calls
from ml.text import normalise_array
from warehouse.functions import INSTRUMENTS_SQL_TYPE, SCORE_SQL_TYPE, TRADE_CALLS_SQL_TYPE

_SCALE = Path(__file__).parents[1] / ".." / "shared" / "data" / "scale" / "stocknet_tweets.parquet"
_SAMPLE = 10_000  # texts for the slow tools
_STEP = """
    select
        mi_score_text(text) as score,
        mi_read_instruments(text) as instruments,
        mi_parse_trade_calls(text) as calls
    from (select distinct text from {texts})
"""


def _connect(basis: topics.TopicModel) -> duckdb.DuckDBPyConnection:
    database = duckdb.connect(config={"threads": 2})
    functions: list[tuple[str, Callable[[pa.Array], pa.Array], str]] = [
        ("mi_score_text", lambda texts: score.score_array(texts, basis), SCORE_SQL_TYPE),
        ("mi_read_instruments", lambda texts: instruments.read_array(texts), INSTRUMENTS_SQL_TYPE),
        ("mi_parse_trade_calls", lambda texts: trade_calls.parse_array(texts), TRADE_CALLS_SQL_TYPE),
    ]
    for name, function, returns in functions:
        database.create_function(name, function, ["VARCHAR"], returns, type="arrow")
    return database


# A distinct's result is read by all threads; a table of one row group would be by one.
def _consume(database: duckdb.DuckDBPyConnection, texts: str) -> int:
    return sum(batch.num_rows for batch in database.sql(_STEP.format(texts=texts)).to_arrow_reader(8192))


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _copies(texts: pa.Array, times: int) -> Iterator[pa.RecordBatch]:
    for _ in range(times):
        yield from pa.table({"text": texts}).to_batches(8192)


def main() -> None:
    """Prints texts per second and the memory of one pass and of four."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, default=_SCALE, help="Parquet with a column `text`")
    options = parser.parse_args()
    from sklearn.feature_extraction.text import TfidfVectorizer

    captured = pq.read_table(options.texts, columns=["text"])["text"]
    distinct = sorted(set(normalise_array(captured).to_pylist()))
    texts = pa.array(distinct, pa.string())
    sample = distinct[:: max(1, len(distinct) // _SAMPLE)]
    database = _connect(topics.fit(distinct[::4]))
    database.register("arrow_texts", pa.table({"text": texts}))
    database.execute("create table texts as select text from arrow_texts")
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), max_features=1000).fit(sample)
    letters = TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 5), min_df=5).fit(sample)
    tools: dict[str, tuple[int, Callable[[], object]]] = {
        "whole text step, 2 threads": (len(texts), lambda: _consume(database, "texts")),
        "VADER": (len(sample), lambda: baselines.vader(sample)),
        "TfidfVectorizer, 1,000 words and pairs": (len(sample), lambda: words.transform(sample)),
        "TfidfVectorizer, letters 2 to 5": (len(sample), lambda: letters.transform(sample)),
    }
    figures: dict[str, list[float]] = {name: [] for name in tools}
    for turn in range(4):
        for name, (n, run) in tools.items():
            seconds = _seconds(run)
            if turn:
                figures[name].append(n / seconds)
    console = Console()
    columns = ("tool", "texts", "texts per second", "slowest to fastest", "seconds a million")
    table = Table(*columns, title="Speed, median of three")
    for name, rates in figures.items():
        spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
        rate = statistics.median(rates)
        table.add_row(name, f"{tools[name][0]:,}", f"{rate:,.0f}", spread, f"{1_000_000 / rate:,.0f}")
    console.print(table)
    process = psutil.Process()
    for times in (1, 4):
        reader = pa.RecordBatchReader.from_batches(pa.schema([("text", pa.string())]), _copies(texts, times))
        database.register("stream", reader)
        rows = _consume(database, "stream")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        now = process.memory_info().rss / 2**20
        console.print(f"{rows:,} texts streamed: {now:,.0f} MB now, {peak:,.0f} MB at most so far")
    console.print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
