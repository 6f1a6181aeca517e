"""What TensorBoard shows of a run."""

import contextlib
import json

import tensorflow as tf

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
