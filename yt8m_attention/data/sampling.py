"""Selects the frames of a video that make up its bag. Letters: B videos, T frames of a bag."""

import numpy as np

from yt8m_attention.config import Sampling


def bag_size(sampling: Sampling, training: bool) -> int:
    """Frames of every bag (T), padding included."""
    if sampling.frame_sampling == "every":
        return (sampling.last_frame - sampling.first_frame) // sampling.frame_stride + 1
    if sampling.frame_sampling == "random" and training:
        return sampling.num_frames
    # The longest trimmed video, or the longest video that is too short to be trimmed.
    longest, trimmed = sampling.max_frames, 2 * sampling.trim_frames
    return max(longest - trimmed, min(longest, trimmed))


def frame_indices(sampling: Sampling, num_frames: np.ndarray, size: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Selects frames in order of time, without random draws: for every, all, and random at evaluation.

    Args:
      sampling: the options.
      num_frames: int [B], frames of each video.
      size: T; None: bag_size at evaluation.

    Returns:
      (int64 [B, T], frame indices; int64 [B], how many entries of each row are frames; the rest of a row is
      meaningless). A row has no frames only if its video has none.
    """
    num_frames, size = np.asarray(num_frames, np.int64), size or bag_size(sampling, training=False)
    if sampling.frame_sampling == "every":
        stride = sampling.frame_stride
        first = np.where(num_frames > sampling.first_frame, sampling.first_frame, 0)
        end = np.minimum(num_frames, sampling.last_frame + 1)
    else:
        stride = 1
        first, end = _trimmed(np.minimum(num_frames, sampling.max_frames), sampling.trim_frames)
    return first[:, None] + stride * np.arange(size), np.minimum(-(-(end - first) // stride), size)


def random_frame_indices(
    sampling: Sampling, num_frames: np.ndarray, seed: int, epoch: int, ordinals: np.ndarray
) -> np.ndarray:
    """Draws frames of the trimmed video uniformly with replacement, in order of time.

    A draw is a hash of its (seed, epoch, video, number), not the state of a generator: a batch depends on nothing
    that came before it.

    Args:
      sampling: the options.
      num_frames: int [B], frames of each video, 1 or more.
      seed, epoch: integers.
      ordinals: int [B], a different number for each video.

    Returns:
      int64 [B, sampling.num_frames].
    """
    first, end = _trimmed(np.asarray(num_frames, np.int64), sampling.trim_frames)
    span = (end - first).astype(np.uint64)[:, None]
    indices = (draws(seed, epoch, ordinals, np.arange(sampling.num_frames)) * span >> np.uint64(32)).astype(np.int64)
    return np.sort(indices, axis=1) + first[:, None]


def draws(seed: int, epoch: int, ordinals: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Draws uniform integers below 2^32, each a hash of its (seed, epoch, ordinal, number).

    Args:
      seed, epoch: integers.
      ordinals: int [B].
      numbers: int [N] or [B, N], the numbers of an ordinal's draws.

    Returns:
      uint64 [B, N].
    """
    key = _mix(_mix(_mix(np.uint64(seed % 2**64)) ^ np.uint64(epoch)) ^ np.asarray(ordinals).astype(np.uint64))
    return _mix(key[:, None] + np.asarray(numbers).astype(np.uint64)) >> np.uint64(32)


def _trimmed(num_frames, trim):
    """First frame and end of a video without its ends; a video that would have no frames left keeps them."""
    first = np.where(num_frames > 2 * trim, trim, 0)
    return first, num_frames - first


def _mix(x):
    """SplitMix64's step (Steele, Lea, Flood 2014): spreads a counter over all 64 bits. It overflows on purpose."""
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        return x ^ x >> np.uint64(31)
