"""Profiles of training steps, and peak memory."""

import logging
import os
from collections.abc import Callable

import tensorflow as tf

from yt8m_attention.aliases import Batch
from yt8m_attention.runtime import memory

logger = logging.getLogger(__name__)


class Profiled:
    """Wraps a training step and records a TensorBoard profile of some of its calls.

    Call: like the step, with the same result.

    Args:
      step: function of a batch -> dict of scalars.
      directory: log directory of TensorBoard; the profile is written under its `plugins/profile`.
      steps: (first, last) call to record, counted from 1 in this process; None: record nothing.
    """

    def __init__(self, step: Callable[[Batch], dict], directory: str, steps: tuple[int, int] | None) -> None:
        self._step, self._directory, self._steps = step, directory, steps
        self._calls, self._running = 0, False

    def __call__(self, batch: Batch) -> dict:
        self._calls += 1
        if self._steps is None:
            return self._step(batch)
        first, last = self._steps
        if self._calls == first:
            self._start()
        with tf.profiler.experimental.Trace("train", step_num=self._calls, _r=1):
            results = self._step(batch)
        if self._calls == last:
            float(results["loss"])  # waits for the device
            self.close()
        return results

    def _start(self):
        """Starts to record. A failure is logged and training continues, since the run is worth more than a profile."""
        try:
            os.makedirs(os.path.join(self._directory, "plugins", "profile"), exist_ok=True)
            tf.profiler.experimental.start(self._directory)
            self._running = True
        except (OSError, tf.errors.OpError) as error:
            self._log_failure(error)

    def close(self) -> None:
        """Writes the profile that is being recorded, also if the run ends before the last step to record."""
        if not self._running:
            return
        self._running = False
        try:
            tf.profiler.experimental.stop()
        except (OSError, tf.errors.OpError) as error:
            self._log_failure(error)
        else:
            logger.info(f"profile written; tensorboard --logdir={self._directory}")

    def _log_failure(self, error):
        logger.info(f"--profile_steps: cannot write a profile: {' '.join(str(error).split())}")


def peak_memory_mb() -> float:
    """Returns the peak memory use so far, in MiB: of the first GPU, or of this process if there is no GPU."""
    if tf.config.list_logical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20
    return memory.peak_mb()
