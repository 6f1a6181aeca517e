"""What TensorBoard shows of a run."""

import contextlib
import json
import os

import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

from yt8m_attention import progress


class Summaries:
    """Event files of one directory; TensorBoard names a run after it.

    Args:
      directory: where the event file goes; several writers may share it over time, as a resumed run does.
    """

    def __init__(self, directory):
        self._directory, self._failed = directory, False
        self._writer = tf.summary.create_file_writer(directory)

    def scalars(self, step, values):
        """Writes numbers by name; names with a slash are grouped by what stands before it."""
        with self._writing():
            for name, value in values.items():
                tf.summary.scalar(name, value, step=step)

    def flags(self, step, flags):
        """Writes the effective flags as a table."""
        rows = "\n".join(f"|`--{name}`|`{json.dumps(value)}`|" for name, value in flags.items())
        with self._writing():
            tf.summary.text("flags", f"|flag|value|\n|---|---|\n{rows}", step=step)

    def histogram(self, step, name, values):
        with self._writing():
            tf.summary.histogram(name, values, step=step)

    def flush(self):
        with self._writing():
            self._writer.flush()

    def close(self):
        with self._writing():
            self._writer.close()

    @contextlib.contextmanager
    def _writing(self):
        """Curves are worth less than the run: one that cannot be written is said once, and training goes on."""
        try:
            with self._writer.as_default():
                yield
        except tf.errors.OpError as error:
            if not self._failed:
                progress.say(f"{self._directory}: curves cannot be written from here on: {error.message}")
            self._failed = True


def read_scalars(directory):
    """The curves that Summaries wrote to a directory, those of its subdirectories left out.

    Returns:
      {name: [(step, value), ...] by step}; of values written twice for a step, as a run that was set back does, the
      last. Empty where there is no event file.
    """
    if not os.path.isdir(directory):
        return {}
    events = event_accumulator.EventAccumulator(directory, size_guidance={event_accumulator.TENSORS: 0})
    events.Reload()
    curves = {}
    for name in events.Tags()["tensors"]:
        if events.SummaryMetadata(name).plugin_data.plugin_name == "scalars":
            points = {e.step: float(tf.make_ndarray(e.tensor_proto)) for e in events.Tensors(name)}
            curves[name] = sorted(points.items())
    return curves
