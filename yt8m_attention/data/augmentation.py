"""Varies the bags of training. Letters: B bags, T frames of a bag.

Every draw is a hash of the seed and of its purpose, like those of sampling.py, so a resumed run draws the same.
Source: arXiv 1911.06866, which names all three variations as future work.
"""

from collections.abc import Callable, Sequence

import numpy as np

from yt8m_attention.config import Augmentation

# The draws of a video are numbered: those of its frames from 0 on (sampling.random_frame_indices), then these.
_SEGMENTS, _REVERSED = 1 << 40, 1 << 41


def vary(
    augmentation: Augmentation,
    indices: np.ndarray,
    lengths: np.ndarray,
    draw: Callable[[np.ndarray], np.ndarray],
    starts: np.ndarray,
    segment_size: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Drops segments of videos, then reverses bags, at random.

    Args:
      augmentation: the options.
      indices: int64 [B, T], the frames of each bag.
      lengths: int64 [B], how many entries of each row are frames.
      draw: function of int [B, N] -> uint64 [B, N], sampling.draws of the bags' videos.
      starts: int [B], first frame of the bag in its video.
      segment_size: frames of a segment; segments of a video begin at its multiples. None: bags are segments
        themselves, and nothing is dropped.

    Returns:
      (indices, lengths), as given.
    """
    if augmentation.dropped_segments and segment_size:
        drawn = draw(_SEGMENTS + indices // segment_size)
        indices, lengths = _drop(indices, lengths, drawn < augmentation.dropped_segments * 2**32)
    if augmentation.reversed_videos:
        drawn = draw((_REVERSED + np.asarray(starts, np.int64))[:, None])[:, 0]
        indices = _reverse(indices, lengths, drawn < augmentation.reversed_videos * 2**32)
    return indices, lengths


def _drop(indices, lengths, dropped):
    """Removes the frames where dropped, bool [B, T], is true; a bag that would have no frame left keeps all."""
    places = np.arange(indices.shape[1])
    real = places < lengths[:, None]
    kept = real & ~dropped
    kept = np.where(kept.any(axis=1, keepdims=True), kept, real)
    order = np.argsort(~kept, axis=1, kind="stable")
    return np.take_along_axis(indices, order, axis=1), kept.sum(axis=1)


def _reverse(indices, lengths, chosen):
    """Reverses the frames of the bags where chosen, bool [B], is true."""
    places = np.arange(indices.shape[1])
    backwards = np.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)
    return np.where(chosen[:, None], np.take_along_axis(indices, backwards, axis=1), indices)


def mixup_lambdas(augmentation: Augmentation, size: int, seed: int, position: Sequence[int] | np.ndarray) -> np.ndarray:
    """Draws the weight of each bag in its mixture with another bag: float32 [size], in [0, 1].

    Args:
      augmentation: the options.
      size: bags of the batch.
      seed: an integer.
      position: int [3], where the next batch starts; it differs between batches.
    """
    alpha = augmentation.virtual_segments
    generator = np.random.default_rng([seed % 2**64, *map(int, position)])
    return generator.beta(alpha, alpha, size).astype(np.float32)
