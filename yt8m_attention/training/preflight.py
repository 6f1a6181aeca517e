"""Checks of a phase before anything is written."""

import logging

import numpy as np

from yt8m_attention.config import Run
from yt8m_attention.data.shard_dataset import ShardDataset
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError
from yt8m_attention.models import registry
from yt8m_attention.runs import checkpoints
from yt8m_attention.training import teachers

logger = logging.getLogger(__name__)


def check(run: Run) -> None:
    """Checks the first shard, the held-out videos of local files, the checkpoint, the model's name and the teachers.

    Raises:
      UserError: for the first error found.
    """
    kind = "rated_segments" if run.phase.segment_labels else "videos"
    fraction = run.phase.holdout_fraction
    source = ShardDataset(run.train_data_pattern, "train_data_pattern", run.data, kind, fraction)
    source.open([0])
    _log_augmentation_without_effect(run, source.video_level)
    if fraction and not file_patterns.is_remote(run.train_data_pattern):
        held_out = ShardDataset(run.train_data_pattern, "train_data_pattern", run.data, kind, fraction, True)
        _check_held_out(held_out, fraction)
    if run.phase.init_checkpoint:
        checkpoints.candidates(run.phase.init_checkpoint, "init_checkpoint")
    registry.find(run.model.model)
    teachers.check(run)


def _log_augmentation_without_effect(run, video_level):
    augmentation = run.phase.augmentation
    if augmentation.dropped_segments and run.phase.segment_labels:
        logger.info("--dropped_segments has no effect: with --segment_labels each bag is one segment")
    if (augmentation.dropped_segments or augmentation.reversed_videos) and video_level:
        logger.info("--dropped_segments and --reversed_videos have no effect: these files hold one frame per video, "
                    "its mean")  # fmt: skip


def _check_held_out(source, fraction):
    """Raises UserError if the held-out videos cannot be scored."""
    found, scored_classes = 0, source.data.segment_classes
    for number in range(len(source.paths)):
        items = source.index_and_items(number)[1]
        if source.kind == "rated_segments":
            positive = items.classes[items.scores > 0]
            found += len(positive) if scored_classes is None else int(np.isin(positive, scored_classes).sum())
        else:
            found += len(items)
        if found:
            return
    what = "video" if source.kind == "videos" else "segment rated positive"
    raise UserError(f"--holdout_fraction={fraction}: no {what} is held out, so nothing can be scored; give a larger "
                    "fraction, or 0 to hold nothing out")  # fmt: skip
