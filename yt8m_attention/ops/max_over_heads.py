"""The fusion of attention heads. Letters: B bags, M heads, V classes."""

from keras import ops

from yt8m_attention.aliases import Tensor


def max_over_heads(probabilities_BMV: Tensor) -> Tensor:
    """Takes the maximum over the heads of each class's probability: S(X) = max_m S^m(X).

    Source: arXiv 1911.06866, section 3. A network with one pooled vector per bag has one head.

    Args:
      probabilities_BMV: float [B, M, V], the probabilities of each head.

    Returns:
      float [B, V].
    """
    return ops.max(probabilities_BMV, axis=1)
