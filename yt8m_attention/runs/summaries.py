"""TensorBoard event files of a run."""

import contextlib
import glob
import json
import logging
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.pr_curve import summary as pr_curve

from yt8m_attention.config import Run, all_options

logger = logging.getLogger(__name__)

# Flags for directories and output are not hyperparameters.
_HYPERPARAMETERS = {option.flag for _, option in all_options(Run) if option.changes_scores}


class Summaries:
    """Writes the event file of a run. Errors are logged once and do not stop the run.

    Args:
      directory: directory of the event files, after which TensorBoard names the run. A resumed run adds another file.
    """

    def __init__(self, directory: str) -> None:
        self._directory, self._failed = directory, False
        self._writer = tf.summary.create_noop_writer()  # if the directory cannot be written to
        with self._writing():
            self._writer = tf.summary.create_file_writer(directory)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes numbers by name. TensorBoard groups the names by the part before a slash."""
        with self._writing():
            for name, value in values.items():
                tf.summary.scalar(name, value, step=step)

    def flags(self, step: int, flags: Mapping[str, Any]) -> None:
        """Writes the effective flags as a table, and as hyperparameters, which TensorBoard compares between runs."""
        rows = "\n".join(f"|`--{name}`|`{json.dumps(value)}`|" for name, value in flags.items())
        with self._writing():
            tf.summary.text("flags", f"|flag|value|\n|---|---|\n{rows}", step=step)
            hparams.hparams({name: _plain(value) for name, value in flags.items() if name in _HYPERPARAMETERS})

    def histogram(self, step: int, name: str, values: np.ndarray) -> None:
        """Writes a histogram of values of any shape."""
        with self._writing():
            tf.summary.histogram(name, values, step=step)

    def precision_recall(
        self,
        step: int,
        name: str,
        true_positives: np.ndarray,
        false_positives: np.ndarray,
        true_negatives: np.ndarray,
        false_negatives: np.ndarray,
    ) -> None:
        """Writes a precision-recall curve.

        Precision is 1 if no prediction reaches the threshold; recall is 1 if there are no positives.

        Args:
          step: global step.
          name: name of the curve.
          true_positives, false_positives, true_negatives, false_negatives: counts [thresholds] at evenly spaced
            thresholds from 0 to 1.
        """
        predicted, positive = true_positives + false_positives, true_positives + false_negatives
        precision, recall = (
            np.divide(true_positives, total, out=np.ones(len(total)), where=total > 0)
            for total in (predicted, positive)
        )
        counts = (true_positives, false_positives, true_negatives, false_negatives)
        proto = pr_curve.raw_data_pb(name, *counts, precision, recall, num_thresholds=len(precision))
        with self._writing():
            tf.summary.experimental.write_raw_pb(proto.SerializeToString(), step=step)

    def image(self, step: int, name: str, picture: np.ndarray, description: str) -> None:
        """Writes an image, uint8 [height, width, 3]."""
        with self._writing():
            tf.summary.image(name, picture[None], step=step, description=description)

    def flush(self) -> None:
        """Writes everything to the file."""
        with self._writing():
            self._writer.flush()

    def close(self) -> None:
        """Closes the file."""
        with self._writing():
            self._writer.close()

    @contextlib.contextmanager
    def _writing(self):
        """Logs the first error and ignores the others, since the run is worth more than its curves."""
        try:
            with self._writer.as_default():
                yield
        except tf.errors.OpError as error:
            if not self._failed:
                what = " ".join(error.message.split()).rpartition("}} ")[2]
                logger.info(f"{self._directory}: cannot write curves any more: {what}")
            self._failed = True


def _plain(value):
    """Returns a flag's value as a hyperparameter: a string, a number or a bool."""
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def read_scalars(directory: str) -> dict[str, list[tuple[int, float]]]:
    """Reads the curves that Summaries wrote to a directory, without its subdirectories.

    Returns:
      {name: [(step, value), ...]} in the order of the steps; {} if there is no event file. If a run was resumed from an
      earlier step, the last value of each step counts.
    """
    curves: dict[str, dict[int, float]] = {}
    # A file's name holds the time and a counter of its process. TensorBoard would sort "10" before "9".
    names = sorted(glob.glob("*tfevents*", root_dir=directory), key=_numbers)
    for path in (os.path.join(directory, name) for name in names):
        events = event_accumulator.EventAccumulator(path, size_guidance={event_accumulator.TENSORS: 0})
        events.Reload()
        for name in events.Tags()["tensors"]:
            if events.SummaryMetadata(name).plugin_data.plugin_name == "scalars":
                points = {e.step: float(tf.make_ndarray(e.tensor_proto)) for e in events.Tensors(name)}
                earlier = {step: value for step, value in curves.get(name, {}).items() if step < min(points)}
                curves[name] = earlier | points
    return {name: sorted(points.items()) for name, points in curves.items()}


def _numbers(name):
    return [int(number) for number in re.findall(r"\d+", name)]
