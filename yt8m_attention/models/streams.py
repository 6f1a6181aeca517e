"""Helpers of networks that process each stream of a frame by itself."""

from collections.abc import Sequence

import keras
from keras import ops

from yt8m_attention import config as configs
from yt8m_attention.aliases import Tensor


def split_streams(frames: Tensor, features: configs.Features) -> list[Tensor]:
    """Splits frames [..., F] into a list of streams [..., D]; features: their config.Features."""
    ends = [sum(features.sizes[: i + 1]) for i in range(len(features.sizes))]
    return [frames[..., end - size : end] for size, end in zip(features.sizes, ends, strict=True)]


def pool_streams(
    layers: Sequence[keras.layers.Layer], features: configs.Features, frames: Tensor, mask: Tensor, training: bool
) -> Tensor:
    """Pools each stream by its own layer and concatenates the results.

    Args:
      layers: one per stream, called with frames [B, T, D], mask bool [B, T] and training -> [B, any].
      features, frames: see split_streams.

    Returns: [B, 1, sum of the widths]: one vector per bag, as FrameLevelModel.pool returns it.
    """
    streams = split_streams(frames, features)
    pooled = [layer(stream, mask=mask, training=training) for layer, stream in zip(layers, streams, strict=True)]
    return ops.expand_dims(ops.concatenate(pooled, axis=-1), 1)


def halved_after_first(number: int, features: configs.Features) -> list[int]:
    """Returns a size per stream: the number, and half of it from the second on, as published for rgb and audio."""
    return [number if i == 0 else max(1, number // 2) for i in range(len(features.sizes))]
