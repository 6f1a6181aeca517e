"""What is learned: labels, and how much each of them counts. Letters: B batch, V classes."""

from keras import ops


def mix(first, second, share):
    """Two targets as one, of which the cross-entropy is that of the first times share plus the second's times the rest.

    That holds for any answer, as cross-entropy is linear in the labels. A pair that counts in one of them alone keeps
    that one's label, and counts less.

    Args:
      first, second: (labels [B, V] in 0..1, weights [B, V], 0 or more; bool: whether a pair counts).
      share: of the first, in 0..1; a number or [B, 1].

    Returns:
      (labels float32 [B, V], weights float32 [B, V]); a pair that counts in neither has label 0 and weight 0.
    """
    (first_labels, first_weights), (second_labels, second_weights) = (
        tuple(ops.cast(part, "float32") for part in target) for target in (first, second)
    )
    first_weights, second_weights = share * first_weights, (1.0 - share) * second_weights
    weights = first_weights + second_weights
    labels = first_weights * first_labels + second_weights * second_labels
    return ops.where(weights > 0, labels / ops.where(weights > 0, weights, 1.0), 0.0), weights
