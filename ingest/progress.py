"""Progress of a run: a live bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

log = logging.getLogger("ingest.progress")

LINE_EVERY_SECONDS = 5.0
DRAW_EVERY_SECONDS = 0.1


class Progress:
    """Counts per entity and the position in the current file, shown as the console allows."""

    def __init__(self, console: Console) -> None:
        """Show on ``console``; bars where it is a terminal, else log lines."""
        self._bars = (
            Bars(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=30),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                console=console,
            )
            if console.is_terminal
            else None
        )
        self._tasks: dict[str, TaskID] = {}
        self._shown_at: dict[str, float] = {}
        self._counts: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        """Start drawing."""
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Draw the last state and stop."""
        if self._bars:
            for entity, (read, landed) in self._counts.items():
                self._draw(entity, read, None, f"{landed:,} landed")
            self._bars.stop()

    def count(self, entity: str, read: int, landed: int) -> None:
        """Records read and landed so far."""
        self._counts[entity] = (read, landed)
        if not self._due(entity):
            return
        if self._bars:
            self._draw(entity, read, None, f"{landed:,} landed")
        else:
            log.info("%s: %s read, %s landed", entity, f"{read:,}", f"{landed:,}")

    def position(self, name: str, done: int, total: int) -> None:
        """Units done of the current step: bytes of a file, pages of a plan."""
        name = Path(name).name
        if not self._due(name) and done < total:
            return
        if self._bars:
            self._draw(name, done, total, "")
            if done >= total:
                self._bars.remove_task(self._tasks.pop(name))
        elif done < total:
            log.info("%s: %d%%", name, 100 * done // max(total, 1))

    def countdown(self, name: str, seconds: float) -> None:
        """A pause that ends in ``seconds``; none at all when that is 0 or less."""
        if seconds <= 0:
            if self._bars and name in self._tasks:
                self._bars.remove_task(self._tasks.pop(name))
        else:
            self.note(name, f"{int(seconds) // 60}:{int(seconds) % 60:02d} left")

    def note(self, name: str, text: str) -> None:
        """What there is to say of something that has no number."""
        if self._due(name):
            if self._bars:
                self._draw(name, 0, None, text)
            else:
                log.info("%s: %s", name, text)

    def _due(self, key: str) -> bool:
        now = time.monotonic()
        every = DRAW_EVERY_SECONDS if self._bars else LINE_EVERY_SECONDS
        # A short run on a plain console needs no progress lines: the first comes after one interval.
        if now - self._shown_at.setdefault(key, now if not self._bars else 0.0) < every:
            return False
        self._shown_at[key] = now
        return True

    def _draw(self, name: str, done: int, total: int | None, note: str) -> None:
        assert self._bars is not None
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total, note=note)
        self._bars.update(self._tasks[name], completed=done, total=total, note=note)
