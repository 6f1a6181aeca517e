"""Messages for people: one line per log record on standard error, and the progress of long commands.

The package logs by the standard library, to loggers named after its modules. A command installs the handler below.
A notebook installs its own, and filters progress by the name of this module's logger.
"""

import contextlib
import logging
import os
import shutil
import sys
import time

_TERMINAL_SECONDS = 0.5
_LOG_SECONDS = 10.0

_ERASE = "\r\x1b[K"

logger = logging.getLogger(__name__)
_package_logger = logging.getLogger(__name__.partition(".")[0])


class ConsoleHandler(logging.Handler):
    """Writes records to standard error, one line each.

    On a terminal, a record of Progress stays open: the next record replaces it. Elsewhere each record is a plain line.
    """

    def __init__(self) -> None:
        super().__init__()
        self.line_open = False  # whether the terminal's last line is progress, without a line end

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record; its attribute `progress_ends` (bool) marks a line of progress."""
        if sys.stderr is None:  # closed by the caller
            return
        line, end = self.format(record), "\n"
        progress_ends = getattr(record, "progress_ends", None)
        if progress_ends is not None and sys.stderr.isatty():
            # If the terminal wraps a line, only its last row can be rewritten.
            line, end = _ERASE + line[: _columns() - 1], "\n" if progress_ends else ""
        elif self.line_open:
            line = _ERASE + line
        # No handleError: a signal handler that interrupts a write expects the RuntimeError of the stream.
        print(line, end=end, file=sys.stderr, flush=True)
        self.line_open = not end


console = ConsoleHandler()


def log_to_console(quiet: bool = False) -> None:
    """Sends the package's records to standard error, as every command does.

    Args:
      quiet: whether only errors are written.
    """
    _package_logger.addHandler(console)
    _package_logger.setLevel(logging.ERROR if quiet else logging.INFO)
    _package_logger.propagate = False  # absl installs a handler at the root, which would repeat every line


class Progress:
    """Counts units of work and logs the count, the rate and the time left.

    Args:
      unit: name of the counted units, in the plural ("videos").
      total: number of units in all; None if unknown.
      done: number of units done before the start, for a resumed run.
      brief: whether work that ends before the first interval logs nothing.
    """

    def __init__(self, unit: str, total: int | None = None, done: int = 0, brief: bool = False) -> None:
        self.unit, self.total, self.done = unit, total, done
        self._started, self._first = time.monotonic(), done
        self._progress: float | None = None
        # The time of the first known progress, and that progress. A resumed run learns them with its first count.
        self._known: tuple[float, float] | None = None if done else (self._started, 0.0)
        self._interval = _TERMINAL_SECONDS if _on_terminal() else _LOG_SECONDS
        self._next = self._started + self._interval
        self._shown, self._brief = False, brief

    @property
    def rate(self) -> float:
        """Units per second since the start."""
        return (self.done - self._first) / self._seconds

    @property
    def _seconds(self) -> float:
        return max(time.monotonic() - self._started, 1e-9)

    def add(self, count: int, note: str = "", progress: float | None = None) -> None:
        """Counts units, and logs a line once per interval.

        Args:
          count: number of units done since the last call.
          note: text to append to the line.
          progress: part of all work that is done now, from 0 to 1; for work without a total.
        """
        self.done += count
        self._progress = progress
        if progress is not None and self._known is None:
            self._known = (time.monotonic(), progress)
        if time.monotonic() >= self._next:
            self._log(note)
            self._next = time.monotonic() + self._interval

    def close(self, note: str = "") -> None:
        """Logs the last line, also for work that ended before the first interval (unless `brief`)."""
        if self._shown or not self._brief:
            self._log(note, ends=True)

    def _log(self, note: str, ends: bool = False) -> None:
        parts = [f"{self._done()} {self.unit}", f"{self.rate:,.1f}/s", self._left(), note]
        logger.info(", ".join(part for part in parts if part), extra={"progress_ends": ends})
        self._shown = True

    def _done(self) -> str:
        return f"{self.done:,}/{self.total:,}" if self.total else f"{self.done:,}"

    def _left(self) -> str:
        if self.total and self.total >= self.done > self._first:
            return f"{duration((self.total - self.done) / self.rate)} left"
        if not self.total and self._progress and self._known:
            since, first = self._known
            seconds, gained = time.monotonic() - since, self._progress - first
            percent = f"{self._progress:.0%}"
            return f"{percent}, {duration(seconds * (1 - self._progress) / gained)} left" if gained > 0 else percent
        return ""


def _on_terminal() -> bool:
    return console in _package_logger.handlers and sys.stderr is not None and sys.stderr.isatty()


def _columns() -> int:
    """Width of the terminal behind standard error; standard output may be a file."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        columns = 0
    return columns or shutil.get_terminal_size().columns


def through(items, unit, measure, limit=None):
    """Yields items, and shows the progress of the pass over them.

    Args:
      items: a generator; closing this one closes it.
      unit: what is counted, in the plural.
      measure: function of an item -> (units that it holds, fraction of the pass that is done with it).
      limit: units after which the caller stops; None: it does not.
    """
    shown = Progress(unit)
    with contextlib.closing(items):
        for item in items:
            yield item
            count, done = measure(item)
            shown.add(count, progress=max(done, (shown.done + count) / limit if limit else 0))
    shown.close()


def duration(seconds: float) -> str:
    """Formats seconds for people: 42 s, 3:05 min, 6:12:00 h."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d} h"
