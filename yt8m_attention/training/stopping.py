"""A wish to stop, as a cloud that takes a machine back utters it, or a person at the keyboard."""

import signal
import threading

from yt8m_attention import progress


class StopRequest:
    """While inside, the first SIGTERM or SIGINT is noted, not obeyed; a second SIGINT interrupts as ever.

    Attributes:
      made: whether a signal has come; whoever works looks at it where stopping loses nothing.
    """

    def __init__(self):
        self.made = False
        self._former = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():  # no other may set handlers
            for number in (signal.SIGTERM, signal.SIGINT):
                self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _note(self, number, frame):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        progress.say("stopping after this step; the checkpoint will let the run go on")
        self.made = True
