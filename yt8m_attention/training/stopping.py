"""Handles SIGTERM and SIGINT: a cloud that reclaims the machine, or a user at the keyboard."""

import contextlib
import logging
import signal
import socket
import threading
from types import FrameType
from typing import Any, Self

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """Raised by a signal when no work would be lost. It is no Exception, so `except Exception` does not catch it."""


class StopRequest:
    """Context manager that turns the first SIGTERM or SIGINT into a request to stop. A second SIGINT interrupts.

    Before wait() is called, the signal raises Stopped at once. After that it only sets `made`.

    Attributes:
      made: whether a signal has arrived. The code at work checks it at points where stopping loses nothing. Other
        threads see it at once, the main thread after the call that it is waiting in.
    """

    def __init__(self) -> None:
        self.made, self._waiting, self._handled = False, False, False
        self._former_handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # other threads cannot set handlers
            self._listen()
            for number in _SIGNALS:
                self._former_handlers[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._former_handlers:
            for number, handler in self._former_handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(self._former_wakeup_fd)
            self._wakeup_socket.close()
            self._listener.join()

    def _listen(self):
        """Starts a thread that receives signals.

        Python runs signal handlers in the main thread only, between two bytecode instructions: not while it waits for a
        batch.
        """
        receiver, self._wakeup_socket = socket.socketpair()
        self._wakeup_socket.setblocking(False)
        self._former_wakeup_fd = signal.set_wakeup_fd(self._wakeup_socket.fileno(), warn_on_full_buffer=False)
        self._listener = threading.Thread(target=self._receive, args=(receiver,), daemon=True)
        self._listener.start()

    def _receive(self, receiver):
        with receiver:
            while numbers := receiver.recv(16):
                if not set(_SIGNALS).isdisjoint(numbers):
                    self.made = True

    def wait(self) -> None:
        """Makes later signals wait for a checkpoint; call it when stopping at once would lose work."""
        self._waiting = True

    def raise_if_made(self) -> None:
        """Raises Stopped if a signal has arrived."""
        if self.made:
            raise Stopped

    def _handle(self, number: int, frame: FrameType | None) -> None:
        first, self._handled, self.made = not self._handled, True, True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # A signal can arrive while a line is printed, and Python's streams raise when printing is re-entered.
        with contextlib.suppress(OSError, RuntimeError):
            logger.info("stopping after this step; the run can be resumed from its checkpoint" if self._waiting
                        else "stopping before the first step")  # fmt: skip
        if first and not self._waiting:
            raise Stopped
