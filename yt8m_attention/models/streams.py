"""Networks that look at each stream of a frame by itself."""

from keras import ops


def split_streams(frames, features):
    """Frames [..., F] into their streams, a list of [..., D]; features: the config.Features they are made of."""
    ends = [sum(features.sizes[: i + 1]) for i in range(len(features.sizes))]
    return [frames[..., end - size : end] for size, end in zip(features.sizes, ends, strict=True)]


def pool_streams(layers, features, frames, mask, training):
    """Each stream's frames through a layer of its own, the results side by side.

    Args:
      layers: one for each stream, called with frames [B, T, D], mask bool [B, T] and training -> [B, any].
      features, frames: as split_streams takes them.

    Returns: [B, 1, sum of the widths]: one vector a bag, as FrameLevelModel.pool wants it.
    """
    streams = split_streams(frames, features)
    pooled = [layer(own, mask=mask, training=training) for layer, own in zip(layers, streams, strict=True)]
    return ops.expand_dims(ops.concatenate(pooled, axis=-1), 1)


def halved_after_first(number, features):
    """A size for each stream: the number for the first, half of it for any other, as published for rgb and audio."""
    return [number if i == 0 else max(1, number // 2) for i in range(len(features.sizes))]
