"""Scores the windows of videos. Letters: N windows, T frames of a window, C classes."""

import contextlib
import dataclasses
import functools
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from yt8m_attention import schema
from yt8m_attention.config import Sampling
from yt8m_attention.data.shard_items import window_starts
from yt8m_attention.errors import UserError
from yt8m_attention.inference import rescoring, scoring

# Windows per batch, unless --batch_size is given, and whole videos per batch. They bound memory and change results by
# rounding only. Batches of windows are padded to this size: the scores of a batch are bit-equal for every worker.
_WINDOWS = 256
_VIDEOS = 8
# The length of a batch of videos is rounded up to a multiple of this number of frames, so that few lengths need
# compiling.
_FRAMES = 64


def score(scorers: Sequence[scoring.Scorer], job: Any) -> Generator[tuple[np.ndarray, np.ndarray, list[np.ndarray]]]:
    """Scores all windows of a job with several models, in one pass over the files.

    With job.scoring.video_score_weight, scores also depend on the whole videos (rescoring.rescore), which a second pass
    reads at the same time.

    Windows overlap if job.stride is less than the window length. Then videos are read whole, up to --max_frames, and
    the windows of a video share the computation of each frame.

    Args:
      scorers: from scoring.make_scorer.
      job: a rank.RankingJob, whose module imports this one.

    Yields:
      (ids bytes [N], starts int64 [N], scores float32 [N, C] of each scorer), in file order, then by start.

    Raises:
      UserError: if no video has a window (unless other workers read other videos), or if a file or record cannot be
        used.
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
            bags = {name: scoring.pad_rows(batch[name], size) for name in ("frames", "mask")}
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
            "frames within --segment_window; set these flags or --segment_size smaller"
        )


def starts(num_frames: int, size: int, window: tuple[int, int], stride: int) -> np.ndarray:
    """Returns the starts of a video's windows at multiples of a stride: int64.

    Args:
      num_frames: number of frames of the video.
      size: frames per window.
      window: frames without windows at the start and at the end of the video (--segment_window).
      stride: frames between the starts of neighbouring windows.
    """
    all_starts = window_starts(num_frames - size + 1, 1, window)
    return all_starts[all_starts % stride == 0]


def _of_videos(scorers, batch, job):
    lengths = batch["mask"].numpy().sum(axis=1)
    padded = min(-(-int(lengths.max()) // _FRAMES) * _FRAMES, batch["frames"].shape[1])
    frames = batch["frames"].numpy()[:, :padded]
    size, rows = job.data.segment_size, job.scoring.batch_size or _WINDOWS
    found = [starts(length, size, job.data.segment_window, job.stride) for length in lengths]
    video, start = np.repeat(np.arange(len(found)), [len(s) for s in found]), np.concatenate(found)
    indices = (video * padded + start)[:, None] + np.arange(size)
    flat = frames.reshape(-1, frames.shape[-1])
    for at in range(0, len(start), rows):
        part = slice(at, at + rows)
        bags = scoring.pad_rows(tf.convert_to_tensor(indices[part]), rows)
        scores = [scorer.windows(flat, bags)[: len(start[part])] for scorer in scorers]
        yield batch["id"].numpy()[video[part]], start[part], scores
