"""Where a run's time and memory go."""

import os

import tensorflow as tf

from yt8m_attention import progress
from yt8m_attention.runtime import memory


class Profiled:
    """A training step that writes a TensorBoard profile of some of its calls.

    Call: as the step, with its results.

    Args:
      step: function of a batch -> dict of scalars.
      directory: where TensorBoard looks, under `plugins/profile`.
      steps: (first, last) call to be recorded, counted from 1 in this process; None: none is.
    """

    def __init__(self, step, directory, steps):
        self._step, self._directory, self._steps = step, directory, steps
        self._calls, self._running = 0, False

    def __call__(self, batch):
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
        """A profile is worth less than the run: one that cannot be written is said, and training goes on."""
        try:
            os.makedirs(os.path.join(self._directory, "plugins", "profile"), exist_ok=True)
            tf.profiler.experimental.start(self._directory)
            self._running = True
        except (OSError, tf.errors.OpError) as error:
            self._say_why_not(error)

    def close(self):
        """Writes the profile, if one is being recorded: also of a run that ends before its last step was reached."""
        if not self._running:
            return
        self._running = False
        try:
            tf.profiler.experimental.stop()
        except (OSError, tf.errors.OpError) as error:
            self._say_why_not(error)
        else:
            progress.say(f"profile written; tensorboard --logdir={self._directory}")

    def _say_why_not(self, error):
        progress.say(f"--profile_steps: no profile can be written: {' '.join(str(error).split())}")


def peak_memory_mb():
    """The most memory held so far, in MiB: the first GPU's where there is one, else this process's."""
    if tf.config.list_logical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20
    return memory.peak_mb()
