"""The loss of both phases. Letters: B batch, V classes."""

import numpy as np
from keras import ops


def weighted_cross_entropy(labels, probabilities, rated=None, class_weights=None, epsilon=1e-5):
    """Cross-entropy summed over the classes, averaged over the batch.

    Args:
      labels: [B, V], bool or 0..1; soft labels are taken as they are.
      probabilities: [B, V], 0..1.
      rated: [B, V], false where nobody rated the pair: unknown, so no part of the loss. Or how much a pair counts, 0
        or more. None: all rated.
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


def class_weights(num_classes, segment_classes, segment_weight=5.0):
    """Weights of the classes in the loss, float32 numpy [V].

    segment_weight for segment_classes (ids; None: there are none), 1 for the rest.

    Source: arXiv 1911.06866's published code, which weighs its 1000 segment classes 5.
    """
    weights = np.ones(num_classes, np.float32)
    weights[list(segment_classes or ())] = segment_weight
    return weights
