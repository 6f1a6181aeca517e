"""A wish to stop, as a cloud that takes a machine back utters it, or a person at the keyboard."""

import contextlib
import signal
import socket
import threading

from yt8m_attention import progress

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """Raised by a wish to stop where nothing is lost by it; no `except Exception` on its way takes it for a fault."""


class StopRequest:
    """While inside, the first SIGTERM or SIGINT asks to stop; a second SIGINT interrupts as ever.

    It raises Stopped where it finds the program, until wait() is called; from then on it is noted, not obeyed.

    Attributes:
      made: whether a signal has come; whoever works looks at it where stopping loses nothing. Other threads see it at
        once; the main one may first have to come back from what it waits for.
    """

    def __init__(self):
        self.made, self._waiting, self._noted = False, False, False
        self._former = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():  # no other may set handlers
            self._listen()
            for number in _SIGNALS:
                self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        if self._former:
            for number, handler in self._former.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(self._former_place)
            self._told.close()
            self._listener.join()

    def _listen(self):
        """Has a thread hear of signals, for handlers written in Python run in the main thread alone, between two of its
        own steps: not while it waits for a batch."""
        hearing, self._told = socket.socketpair()
        self._told.setblocking(False)
        self._former_place = signal.set_wakeup_fd(self._told.fileno(), warn_on_full_buffer=False)
        self._listener = threading.Thread(target=self._hear, args=(hearing,), daemon=True)
        self._listener.start()

    def _hear(self, hearing):
        with hearing:
            while numbers := hearing.recv(16):
                if not set(_SIGNALS).isdisjoint(numbers):
                    self.made = True

    def wait(self):
        """From here on something is lost unless a step ends and is saved."""
        self._waiting = True

    def raise_if_made(self):
        if self.made:
            raise Stopped

    def _note(self, number, frame):
        first, self._noted, self.made = not self._noted, True, True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # A signal may come while another line is being printed, which Python's streams do not stand.
        with contextlib.suppress(OSError, RuntimeError):
            progress.say("stopping after this step; the checkpoint will let the run go on" if self._waiting
                         else "stopping before the first step")  # fmt: skip
        if first and not self._waiting:
            raise Stopped
