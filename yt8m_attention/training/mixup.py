"""Mixup of the bags of a batch ("virtual segments"). Letters: B batch, T frames, F features, V classes."""

from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.dequantize import Dequantize
from yt8m_attention.losses import targets


def mix(
    bags: dict[str, Tensor], target: tuple[Tensor, Tensor], mixup_lambda: Tensor
) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor]]:
    """Mixes each bag and its target with the previous bag of the batch, frame by frame.

    A mixed bag has the frames that both bags have. If one of the two has no frames, the bag stays unchanged.
    Source: arXiv 1911.06866 (as future work); the weights and the loss are those of mixup (Zhang et al. 2018).

    Args:
      bags: dict of frames [B, T, F], quantized bytes or floats, and mask bool [B, T].
      target: (labels [B, V], weights [B, V]), see targets.mix.
      mixup_lambda: float [B] in 0..1, the weight of a bag itself; the previous bag has 1 - mixup_lambda.

    Returns:
      (bags, target), with float32 frames.
    """
    frames, mask = Dequantize()(bags["frames"]), bags["mask"]
    both = ops.logical_and(mask, _previous(mask))
    mixed = ops.any(both, axis=1, keepdims=True)
    share = ops.where(mixed, ops.expand_dims(mixup_lambda, 1), 1.0)
    labels, weights = target
    other = _previous(labels), _previous(weights)
    share_B11 = ops.expand_dims(share, 2)
    frames = share_B11 * frames + (1.0 - share_B11) * _previous(frames)
    return {"frames": frames, "mask": ops.where(mixed, both, mask)}, targets.mix(target, other, share)


def _previous(rows):
    return ops.roll(rows, 1, axis=0)
