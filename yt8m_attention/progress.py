"""How far a long command is, how fast and for how much longer, on standard error.

On a terminal one line is rewritten; elsewhere (a log file) plain lines appear, seldom.
"""

import sys
import time

_TERMINAL_SECONDS = 0.5
_LOG_SECONDS = 10.0

quiet = False  # set once by --quiet


def say(message):
    """One line for people, unless --quiet."""
    if not quiet:
        print(message, file=sys.stderr, flush=True)


class Progress:
    """Counts units of work and tells about them.

    Args:
      unit: what is counted, in the plural ("videos").
      total: how many there will be, or None where nobody knows.
      done: where the count starts, as in a run that goes on from a checkpoint.
    """

    def __init__(self, unit, total=None, done=0):
        self.unit, self.total, self.done = unit, total, done
        self._started, self._first = time.monotonic(), done
        self._terminal = sys.stderr.isatty()
        self._next = self._started + (_TERMINAL_SECONDS if self._terminal else _LOG_SECONDS)
        self._shown = False

    @property
    def rate(self):
        """Units a second since the start."""
        return (self.done - self._first) / max(time.monotonic() - self._started, 1e-9)

    def add(self, count, note=""):
        self.done += count
        if time.monotonic() >= self._next:
            self._show(note)
            self._next = time.monotonic() + (_TERMINAL_SECONDS if self._terminal else _LOG_SECONDS)

    def close(self, note=""):
        """The last word, also where it all took less than the first interval."""
        self._show(note)
        if self._shown and self._terminal:
            print(file=sys.stderr, flush=True)

    def _show(self, note):
        if quiet:
            return
        of_total = f"/{self.total:,}" if self.total else ""
        left = (
            f", {duration((self.total - self.done) / self.rate)} left" if self.total and self.done > self._first else ""
        )
        line = f"{self.done:,}{of_total} {self.unit}, {self.rate:,.1f}/s{left}{', ' + note if note else ''}"
        print(
            f"\r\x1b[K{line}" if self._terminal else line,
            end="" if self._terminal else "\n",
            file=sys.stderr,
            flush=True,
        )
        self._shown = True


def duration(seconds):
    """Seconds as people say them: 42 s, 3:05 min, 6:12:00 h."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d} h"
