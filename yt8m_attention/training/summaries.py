"""What TensorBoard shows of a run."""

import json

import tensorflow as tf


class Summaries:
    """Event files of one directory; TensorBoard names a run after it.

    Args:
      directory: where the event file goes; several writers may share it over time, as a resumed run does.
    """

    def __init__(self, directory):
        self._writer = tf.summary.create_file_writer(directory)

    def scalars(self, step, values):
        """Writes numbers by name; names with a slash are grouped by what stands before it."""
        with self._writer.as_default():
            for name, value in values.items():
                tf.summary.scalar(name, value, step=step)

    def flags(self, step, flags):
        """Writes the effective flags as a table."""
        rows = "\n".join(f"|`--{name}`|`{json.dumps(value)}`|" for name, value in flags.items())
        with self._writer.as_default():
            tf.summary.text("flags", f"|flag|value|\n|---|---|\n{rows}", step=step)

    def histogram(self, step, name, values):
        with self._writer.as_default():
            tf.summary.histogram(name, values, step=step)

    def flush(self):
        self._writer.flush()

    def close(self):
        self._writer.close()
