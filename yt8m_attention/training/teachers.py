"""Distillation from trained networks, the teachers. Letters: B batch, V classes."""

import logging
from collections.abc import Callable, Iterable

from keras import ops

from yt8m_attention.aliases import Batch, Tensor
from yt8m_attention.config import Run
from yt8m_attention.errors import UserError
from yt8m_attention.runs import checkpoints, lineage, restore, run_file

logger = logging.getLogger(__name__)


def check(run: Run) -> None:
    """Checks before the start of a run that its teachers fit its data.

    Logs a note if a teacher was trained on videos that the run holds out.

    Raises:
      UserError: if a directory holds no run or no checkpoint, or if its network has other features or classes.
    """
    fraction = run.phase.holdout_fraction
    for directory in run.phase.teachers:
        teacher = run_file.read(directory, "teachers")
        pairs = ({"features": r.model.features, "num_classes": r.model.num_classes} for r in (teacher, run))
        differing = run_file.differences(*pairs)
        if differing:
            raise UserError(f"--teachers={directory}: does not fit this run: {'; '.join(differing)}; name another")
        checkpoints.candidates(directory, "teachers")
        if fraction and lineage.learned_from(teacher, run.train_data_pattern, fraction, "train_data_pattern"):
            logger.info(f"note: {directory} of --teachers was trained on videos that are held out here, so held-out "
                        f"scores will be too high; train it with --holdout_fraction={fraction:g}")  # fmt: skip


def load(directories: Iterable[str]) -> Callable[[Batch], Tensor] | None:
    """Loads trained networks, each with its best checkpoint, as a function that returns their mean prediction.

    Source: Hinton et al. 2015, distillation of an ensemble; named as future work in arXiv 1911.06866.

    Args:
      directories: training directories of the teachers.

    Returns:
      A function of bags (dict of frames and mask, the inputs of a model) -> probabilities float32 [B, V], without a
      gradient; None if there are no directories.

    Raises:
      UserError: if a model cannot be loaded.
    """
    models = [restore.load(directory, flag="teachers").model for directory in directories]

    def teacher_fn(bags):
        predictions = [model(bags, training=False)["probabilities"] for model in models]
        return ops.stop_gradient(sum(predictions) / len(predictions))

    return teacher_fn if models else None
