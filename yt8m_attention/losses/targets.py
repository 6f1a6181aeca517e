"""Targets of the loss: labels and their weights. Letters: B batch, V classes."""

from keras import ops

from yt8m_attention.aliases import Tensor


def mix(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor], share: Tensor) -> tuple[Tensor, Tensor]:
    """Mixes targets so that CE(mixed) = share * CE(first) + (1 - share) * CE(second).

    This holds for any prediction, because cross-entropy is linear in the labels. A pair that only one target counts
    keeps that target's label, with a lower weight.

    Args:
      first, second: (labels [B, V] in 0..1, weights [B, V], 0 or more, or bool: whether a pair counts).
      share: weight of the first target, in 0..1; a number or [B, 1].

    Returns:
      (labels float32 [B, V], weights float32 [B, V]); a pair that neither target counts has label 0 and weight 0.
    """
    (first_labels, first_weights), (second_labels, second_weights) = (
        tuple(ops.cast(part, "float32") for part in target) for target in (first, second)
    )
    first_weights, second_weights = share * first_weights, (1.0 - share) * second_weights
    weights = first_weights + second_weights
    labels = first_weights * first_labels + second_weights * second_labels
    return ops.where(weights > 0, labels / ops.where(weights > 0, weights, 1.0), 0.0), weights
