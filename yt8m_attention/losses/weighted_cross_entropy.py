"""The loss of both training phases. Letters: B batch, V classes."""

from collections.abc import Iterable

import numpy as np
from keras import ops

from yt8m_attention.aliases import Tensor


def weighted_cross_entropy(
    labels: Tensor,
    probabilities: Tensor,
    rated: Tensor | None = None,
    class_weights: Tensor | None = None,
    epsilon: float = 1e-5,
) -> Tensor:
    """Returns the cross-entropy, summed over the classes and averaged over the batch.

    Args:
      labels: [B, V], bool or 0..1; soft labels are used unchanged.
      probabilities: [B, V], 0..1.
      rated: [B, V], false for a pair without a rating: its label is unknown, so the loss leaves it out. Or the
        weight of each pair, 0 or more. None: all rated.
      class_weights: [V], see `class_weights`. None: 1 for each.
      epsilon: added inside both logarithms, as in the YouTube-8M starter code; bounds a pair's loss at -log(epsilon).

    Returns: float32 scalar, in nats. A batch without a rated pair has loss 0.
    """
    labels, probabilities = ops.cast(labels, "float32"), ops.cast(probabilities, "float32")
    losses_BV = -(labels * ops.log(probabilities + epsilon) + (1.0 - labels) * ops.log(1.0 - probabilities + epsilon))
    if rated is not None:
        losses_BV = losses_BV * ops.cast(rated, "float32")
    if class_weights is not None:
        losses_BV = losses_BV * ops.cast(class_weights, "float32")
    return ops.mean(ops.sum(losses_BV, axis=-1))


def class_weights(num_classes: int, segment_classes: Iterable[int] | None, segment_weight: float = 5.0) -> np.ndarray:
    """Returns the class weights of the loss, float32 numpy [V].

    The weight is segment_weight for segment_classes (ids; None: no class) and 1 for the rest.

    Source: the published code of arXiv 1911.06866, which gives its 1000 segment classes a weight of 5.
    """
    weights = np.ones(num_classes, np.float32)
    weights[list(segment_classes or ())] = segment_weight
    return weights
