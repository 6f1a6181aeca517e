"""What a phase looks over before it writes anything."""

import numpy as np

from yt8m_attention import progress
from yt8m_attention.data.shard_dataset import ShardDataset
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError
from yt8m_attention.models import registry
from yt8m_attention.runs import checkpoints
from yt8m_attention.training import teachers


def check(run):
    """What can be known to be wrong before anything is written: the first shard, the share that is held out of files
    that are not far, the checkpoint, the model's name, its teachers."""
    kind = "rated_segments" if run.phase.segment_labels else "videos"
    share = run.phase.holdout_fraction
    source = ShardDataset(run.train_data_pattern, "train_data_pattern", run.data, kind, share)
    source.open([0])
    _say_what_varies_nothing(run, source.video_level)
    if share and not file_patterns.is_remote(run.train_data_pattern):
        _check_held_out(ShardDataset(run.train_data_pattern, "train_data_pattern", run.data, kind, share, True), share)
    if run.phase.init_checkpoint:
        checkpoints.candidates(run.phase.init_checkpoint, "init_checkpoint")
    registry.find(run.model.model)
    teachers.check(run)


def _say_what_varies_nothing(run, video_level):
    varied = run.phase.augmentation
    if varied.dropped_segments and run.phase.segment_labels:
        progress.say("--dropped_segments drops nothing: with --segment_labels each bag is one segment")
    if (varied.dropped_segments or varied.reversed_videos) and video_level:
        progress.say("--dropped_segments and --reversed_videos vary nothing: these files have one frame a video, its "
                     "mean")  # fmt: skip


def _check_held_out(source, share):
    """Raises UserError where the videos that are held out cannot be scored."""
    found, counting = 0, source.data.segment_classes
    for number in range(len(source.paths)):
        items = source.index_and_items(number)[1]
        if source.kind == "rated_segments":
            positive = items.classes[items.scores > 0]
            found += len(positive) if counting is None else int(np.isin(positive, counting).sum())
        else:
            found += len(items)
        if found:
            return
    what = "video" if source.kind == "videos" else "segment rated positive"
    raise UserError(f"--holdout_fraction={share}: no {what} is in the share held out, so nothing can be scored; give a "
                    "larger share, or 0 to hold nothing out")  # fmt: skip
