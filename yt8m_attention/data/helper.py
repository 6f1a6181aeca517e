"""A second thread for work that numpy does without Python's lock."""

import queue
import threading


class Helper:
    """Does one half of a loop while whoever asks does the other."""

    def __init__(self):
        self._tasks = queue.SimpleQueue()
        threading.Thread(target=_work, args=(self._tasks,), daemon=True).start()

    def __del__(self):
        self._tasks.put(None)

    def each(self, function, items):
        """[function(item) for item in items], whose second half runs in the other thread; a function must not raise."""
        half, done = len(items) // 2, queue.SimpleQueue()
        self._tasks.put((function, items[half:], done))
        return [function(item) for item in items[:half]] + done.get()


def _work(tasks):
    while (task := tasks.get()) is not None:
        function, items, done = task
        done.put([function(item) for item in items])
        del task, function, items, done  # else they would be held until there is more to do
