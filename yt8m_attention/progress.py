"""How far a long command is, how fast and for how much longer, on standard error.

On a terminal one line is rewritten; elsewhere (a log file) plain lines appear, seldom.
"""

import contextlib
import os
import shutil
import sys
import time

_TERMINAL_SECONDS = 0.5
_LOG_SECONDS = 10.0

_ERASE = "\r\x1b[K"

quiet = False  # set once by --quiet
_open = False  # whether a terminal's last line is one of progress, not ended yet


def say(message):
    """One line for people, unless --quiet; on a terminal in place of the line of progress, which comes again."""
    if not quiet:
        always(message)


def always(message):
    """The same, --quiet or not: why a command came to its end."""
    global _open
    print(f"{_ERASE if _open else ''}{message}", file=sys.stderr, flush=True)
    _open = False


class Progress:
    """Counts units of work and tells about them.

    Args:
      unit: what is counted, in the plural ("videos").
      total: how many there will be, or None where nobody knows.
      done: where the count starts, as in a run that goes on from a checkpoint.
      brief: whether nothing is said of what is over before the first interval.
    """

    def __init__(self, unit, total=None, done=0, brief=False):
        self.unit, self.total, self.done = unit, total, done
        self._started, self._first, self._share = time.monotonic(), done, None
        # When a share was first known, and which. A run that goes on learns it with its first count.
        self._known = None if done else (self._started, 0.0)
        self._terminal = sys.stderr.isatty()
        self._next = self._started + self._interval
        self._shown, self._brief = False, brief

    @property
    def rate(self):
        """Units a second since the start."""
        return (self.done - self._first) / self._seconds

    @property
    def _seconds(self):
        return max(time.monotonic() - self._started, 1e-9)

    @property
    def _interval(self):
        return _TERMINAL_SECONDS if self._terminal else _LOG_SECONDS

    def add(self, count, note="", share=None):
        """Counts; where there is no total, `share` says how much of all is done by now, from 0 to 1."""
        self.done += count
        self._share = share
        if share is not None and self._known is None:
            self._known = (time.monotonic(), share)
        if time.monotonic() >= self._next:
            self._show(note)
            self._next = time.monotonic() + self._interval

    def close(self, note=""):
        """The last word, also where it all took less than the first interval."""
        if self._shown or not self._brief:
            self._show(note)
        if self._shown and self._terminal:
            _print_in_place("\n")

    def _show(self, note):
        if quiet:
            return
        parts = [f"{self._done()} {self.unit}", f"{self.rate:,.1f}/s", self._left(), note]
        line = ", ".join(part for part in parts if part)
        if self._terminal:
            # Of a line that the terminal wraps, only the last row would be rewritten.
            _print_in_place(_ERASE + line[: _columns() - 1])
        else:
            print(line, file=sys.stderr, flush=True)
        self._shown = True

    def _done(self):
        return f"{self.done:,}/{self.total:,}" if self.total else f"{self.done:,}"

    def _left(self):
        if self.total and self.total >= self.done > self._first:
            return f"{duration((self.total - self.done) / self.rate)} left"
        if not self.total and self._share:
            since, first = self._known
            seconds, gained = time.monotonic() - since, self._share - first
            told = f"{self._share:.0%}"
            return f"{told}, {duration(seconds * (1 - self._share) / gained)} left" if gained > 0 else told
        return ""


def _print_in_place(text):
    """On a terminal: a line that stays open, or the end of one."""
    global _open
    print(text, end="", file=sys.stderr, flush=True)
    _open = not text.endswith("\n")


def _columns():
    """How wide the terminal is that standard error goes to; standard output may well be a file."""
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
            shown.add(count, share=max(done, (shown.done + count) / limit if limit else 0))
    shown.close()


def duration(seconds):
    """Seconds as people say them: 42 s, 3:05 min, 6:12:00 h."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d} h"
