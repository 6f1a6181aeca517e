"""Virtual segments: bags mixed in pairs. Letters: B batch, T frames, F features, V classes."""

from keras import ops

from yt8m_attention.layers.dequantize import Dequantize
from yt8m_attention.losses import targets


def mix(bags, target, mixup_lambda):
    """Each bag as a linear combination of itself and the one before it in the batch, frame by frame, and so its target.

    Frames beyond the shorter bag's end are left out. Where one of the two has none, the bag stays what it is.
    Source: arXiv 1911.06866 (as future work); the shares and the loss are mixup's (Zhang et al. 2018).

    Args:
      bags: dict of frames [B, T, F], bytes or values, and mask bool [B, T].
      target: (labels [B, V], weights [B, V]), as targets.mix takes them.
      mixup_lambda: float [B], in 0..1, how much of a bag stays its own.

    Returns:
      (bags, target): frames are values then, float32.
    """
    frames, mask = Dequantize()(bags["frames"]), bags["mask"]
    both = ops.logical_and(mask, _before(mask))
    mixed = ops.any(both, axis=1, keepdims=True)
    share = ops.where(mixed, ops.expand_dims(mixup_lambda, 1), 1.0)
    other = tuple(_before(part) for part in target)
    share_B11 = ops.expand_dims(share, 2)
    frames = share_B11 * frames + (1.0 - share_B11) * _before(frames)
    return {"frames": frames, "mask": ops.where(mixed, both, mask)}, targets.mix(target, other, share)


def _before(rows):
    return ops.roll(rows, 1, axis=0)
