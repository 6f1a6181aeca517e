"""A wish to stop, as a cloud that takes a machine back utters it, or a person at the keyboard."""

import contextlib
import signal
import threading

from yt8m_attention import progress


class Stopped(BaseException):
    """Raised by a wish to stop where nothing is lost by it; no `except Exception` on its way takes it for a fault."""


class StopRequest:
    """While inside, the first SIGTERM or SIGINT asks to stop; a second SIGINT interrupts as ever.

    It raises Stopped where it finds the program, until wait() is called; from then on it is noted, not obeyed.

    Attributes:
      made: whether a signal has come; whoever works looks at it where stopping loses nothing.
    """

    def __init__(self):
        self.made, self._waiting = False, False
        self._former = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():  # no other may set handlers
            for number in (signal.SIGTERM, signal.SIGINT):
                self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def wait(self):
        """From here on something is lost unless a step ends and is saved."""
        self._waiting = True

    def raise_if_made(self):
        if self.made:
            raise Stopped

    def _note(self, number, frame):
        first, self.made = not self.made, True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # A signal may come while another line is being printed, which Python's streams do not stand.
        with contextlib.suppress(OSError, RuntimeError):
            progress.say("stopping after this step; the checkpoint will let the run go on" if self._waiting
                         else "stopping before the first step")  # fmt: skip
        if first and not self._waiting:
            raise Stopped
