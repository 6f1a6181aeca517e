"""What training varies of its bags before it learns from them. Letters: B bags, T frames of one.

Every draw is a function of the seed and of what it is for, as those of sampling.py are, so that a run that goes on
draws what it would have drawn. Source: arXiv 1911.06866, which names all three as future work.
"""

import numpy as np

# Draws of a video are numbered: its frames' from 0 on (sampling.random_frame_indices), then these.
_SEGMENTS, _REVERSED = 1 << 40, 1 << 41


def vary(augmentation, indices, lengths, draw, starts, segment_size=None):
    """Drops segments of videos, then reverses bags, as drawn.

    Args:
      augmentation: a config.Augmentation.
      indices: int64 [B, T], the frames of each bag.
      lengths: int64 [B], how many of a row are frames.
      draw: function of int [B, N] -> uint64 [B, N], sampling.draws of the bags' videos.
      starts: int [B], where in its video a bag begins.
      segment_size: frames of a segment, of which a video has one from each multiple on; None: bags are segments
        themselves, of which nothing is dropped.

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
    """Bags without the frames where bool [B, T] is true; whole where no frame would be left."""
    places = np.arange(indices.shape[1])
    real = places < lengths[:, None]
    kept = real & ~dropped
    kept = np.where(kept.any(axis=1, keepdims=True), kept, real)
    order = np.argsort(~kept, axis=1, kind="stable")
    return np.take_along_axis(indices, order, axis=1), kept.sum(axis=1)


def _reverse(indices, lengths, chosen):
    """Bags of which those where bool [B] is true begin with their last frame."""
    places = np.arange(indices.shape[1])
    backwards = np.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)
    return np.where(chosen[:, None], np.take_along_axis(indices, backwards, axis=1), indices)


def mixup_lambdas(augmentation, size, seed, position):
    """How much of itself each bag of a batch keeps where it is mixed with another: float32 [size], in [0, 1].

    Args:
      augmentation: a config.Augmentation.
      size: bags.
      seed: an integer.
      position: int [3], where the next batch starts, which no other batch shares.
    """
    alpha = augmentation.virtual_segments
    generator = np.random.default_rng([seed % 2**64, *map(int, position)])
    return generator.beta(alpha, alpha, size).astype(np.float32)
