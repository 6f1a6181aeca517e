"""The windows of videos that segments are ranked by, scored. Letters: N windows, T frames of one, C classes."""

import contextlib
import dataclasses
import functools

import numpy as np
import tensorflow as tf

from yt8m_attention import schema
from yt8m_attention.config import Sampling
from yt8m_attention.data.shard_items import window_starts
from yt8m_attention.errors import UserError
from yt8m_attention.inference import rescoring, scoring

# Bags a batch, unless --batch_size is given, and whole videos a batch; they bound memory, and change no more than last
# bits. Bags are filled up to be so many: what came before decides nothing, so that a batch has the same scores
# whichever worker makes it.
_WINDOWS = 256
_VIDEOS = 8
# Batches of videos are as long as their longest, rounded up to so many frames: few lengths, little compiled anew.
_FRAMES = 64


def score(scorers, job):
    """Scores every eligible window of a rank.RankingJob by several models, in one pass over the files.

    With job.scoring.video_score_weight, scores also depend on the whole videos (rescoring.rescore), which a second pass
    reads at the same time.

    With job.stride frames between neighbours less than a window has, windows overlap: then a video is read whole, up
    to its first --max_frames, and its windows share what a scorer does frame by frame.

    Args:
      scorers: scoring.make_scorer's.

    Yields:
      (ids bytes [N], starts int64 [N], scores: a list of float32 [N, C], one a scorer), in file order, then by start.

    Raises:
      UserError: where no video has a window, unless others have videos too, or files or records cannot be used.
    """
    videos = functools.partial(job.batches, "videos", rescoring.SIZE, shown=False)
    with (
        contextlib.closing(rescoring.Rescorer(scorers, videos, job.scoring.video_score_weight)) as rescorer,
        contextlib.closing(_by_themselves(scorers, job)) as parts,
    ):
        for ids, begin, scores in parts:
            yield ids, begin, rescorer(ids, scores)


def _by_themselves(scorers, job):
    if job.stride == job.data.segment_size:
        size = job.scoring.batch_size or _WINDOWS
        for batch in job.batches("windows", size):
            bags = {name: scoring.fill_up(batch[name], size) for name in ("frames", "mask")}
            rows = len(batch["mask"])
            scores = [scorer(bags)["probabilities"][:rows] for scorer in scorers]
            yield batch["id"].numpy(), batch["start"].numpy(), scores
        return
    whole = Sampling("all", trim_frames=0, max_frames=max(schema.MAX_FRAMES, job.data.sampling.max_frames))
    videos = dataclasses.replace(job, data=dataclasses.replace(job.data, sampling=whole))
    found = 0
    for batch in videos.batches("videos", _VIDEOS):
        for part in _of_videos(scorers, batch, job):
            found += len(part[0])
            yield part
    if not found and job.worker is None:
        raise UserError(
            f"--input_data_pattern={job.pattern}: no window starts at a multiple of --window_stride={job.stride} "
            "frames within --segment_window; set them or --segment_size smaller"
        )


def starts(num_frames, size, window, stride):
    """As data.shard_items.window_starts, but every `stride` frames."""
    anywhere = window_starts(num_frames - size + 1, 1, window)
    return anywhere[anywhere % stride == 0]


def _of_videos(scorers, batch, job):
    lengths = batch["mask"].numpy().sum(axis=1)
    padded = min(-(-int(lengths.max()) // _FRAMES) * _FRAMES, batch["frames"].shape[1])
    frames = batch["frames"].numpy()[:, :padded]
    size, rows = job.data.segment_size, job.scoring.batch_size or _WINDOWS
    found = [starts(length, size, job.data.segment_window, job.stride) for length in lengths]
    video, start = np.repeat(np.arange(len(found)), [len(s) for s in found]), np.concatenate(found)
    places = (video * padded + start)[:, None] + np.arange(size)
    flat = frames.reshape(-1, frames.shape[-1])
    for at in range(0, len(start), rows):
        part = slice(at, at + rows)
        bags = scoring.fill_up(tf.convert_to_tensor(places[part]), rows)
        scores = [scorer.windows(flat, bags)[: len(start[part])] for scorer in scorers]
        yield batch["id"].numpy()[video[part]], start[part], scores
