"""What TensorBoard shows of a run."""

import contextlib
import json
import os

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.pr_curve import summary as pr_curve

from yt8m_attention import progress
from yt8m_attention.config import Run, all_options

# The flags by which TensorBoard compares runs; those that name places and manners make no other experiment.
_COMPARED = {option.flag for _, option in all_options(Run) if option.changes_scores}


class Summaries:
    """Event files of one directory; TensorBoard names a run after it.

    Args:
      directory: where the event file goes; several writers may share it over time, as a resumed run does.
    """

    def __init__(self, directory):
        self._directory, self._failed = directory, False
        self._writer = tf.summary.create_noop_writer()  # for a directory that takes none
        with self._writing():
            self._writer = tf.summary.create_file_writer(directory)

    def scalars(self, step, values):
        """Writes numbers by name; names with a slash are grouped by what stands before it."""
        with self._writing():
            for name, value in values.items():
                tf.summary.scalar(name, value, step=step)

    def flags(self, step, flags):
        """Writes the effective flags as a table, and as hyperparameters by which TensorBoard compares runs."""
        rows = "\n".join(f"|`--{name}`|`{json.dumps(value)}`|" for name, value in flags.items())
        with self._writing():
            tf.summary.text("flags", f"|flag|value|\n|---|---|\n{rows}", step=step)
            hparams.hparams({name: _plain(value) for name, value in flags.items() if name in _COMPARED})

    def histogram(self, step, name, values):
        with self._writing():
            tf.summary.histogram(name, values, step=step)

    def precision_recall(self, step, name, true_positives, false_positives, true_negatives, false_negatives):
        """Writes a curve from counts at evenly spaced thresholds, 0 and 1 among them.

        Where nothing is as probable as the threshold, precision is 1; where nothing is positive, so is recall.
        """
        called, positive = true_positives + false_positives, true_positives + false_negatives
        precision, recall = (
            np.divide(true_positives, of, out=np.ones(len(of)), where=of > 0) for of in (called, positive)
        )
        counts = (true_positives, false_positives, true_negatives, false_negatives)
        proto = pr_curve.raw_data_pb(name, *counts, precision, recall, num_thresholds=len(precision))
        with self._writing():
            tf.summary.experimental.write_raw_pb(proto.SerializeToString(), step=step)

    def image(self, step, name, picture, description):
        """Writes a picture, uint8 [height, width, 3]."""
        with self._writing():
            tf.summary.image(name, picture[None], step=step, description=description)

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
                what = " ".join(error.message.split()).rpartition("}} ")[2]
                progress.say(f"{self._directory}: curves cannot be written from here on: {what}")
            self._failed = True


def _plain(value):
    """A flag's value as a hyperparameter: text, a number or a truth value."""
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return value if isinstance(value, (bool, int, float, str)) else str(value)


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
