"""Sparsemax: a normaliser of attention scores that gives most frames a weight of exactly 0.

Source: Martins & Astudillo 2016, "From Softmax to Sparsemax", arXiv 1602.02068.
"""

import keras
import numpy as np
from keras import ops

from yt8m_attention.aliases import Tensor

_LOWEST = float(np.finfo("float32").min)


def sparsemax(logits: Tensor, mask: Tensor | None = None, axis: int = -1) -> Tensor:
    """Projects logits onto the probability simplex: p = max(logits - tau, 0), with tau such that p sums to one.

    Args:
      logits: [..., N, ...], any rank from 1 on; computed in float32 (float64 stays float64).
        A logit of -inf counts as masked; NaN or +inf make their row NaN, as in softmax.
      mask: bool, broadcastable to logits; False entries get 0 and are left out. None: nothing is masked.
      axis: the axis to normalise over.

    Returns:
      Probabilities in the shape and dtype of logits. A row without unmasked entries is all 0, with gradient 0.
    """
    logits = ops.convert_to_tensor(logits)
    dtype = keras.backend.result_type(logits.dtype, float)
    logits = ops.cast(logits, keras.backend.result_type(dtype, "float32"))
    if mask is not None:
        logits = ops.where(mask, logits, ops.cast(float("-inf"), logits.dtype))

    @ops.custom_gradient
    def project(logits):
        probabilities = _project(logits, axis)
        return probabilities, lambda upstream: _gradient(upstream, probabilities, axis)

    return ops.cast(project(logits), dtype)


def _project(logits, axis):
    """Finds tau by Newton's method on sum(max(z - tau, 0)) - 1, which is convex, falling and piecewise linear in tau.

    The search starts left of the root. Each step goes to the root of the current linear piece, so it never passes tau
    and removes at least one entry from the support. When the support no longer changes, tau is exact. Each step
    divides (excess over one) * (size of the support) by 4 or more, so rounding ends the search after about 20 steps
    for any row (N = 300). A batch of random rows takes 2 to 8.
    """
    # Without the bound, a row of -inf becomes NaN.
    top = ops.max(logits, axis=axis, keepdims=True, initial=_LOWEST)
    shifted = logits - top

    def step(tau, size, _):
        parts = ops.maximum(shifted - tau, 0)
        excess = ops.sum(parts, axis=axis, keepdims=True) - 1
        new_size = ops.sum(ops.sign(parts), axis=axis, keepdims=True)
        return tau + excess / ops.maximum(new_size, 1), ops.minimum(size, new_size), ops.any(new_size < size)

    # The shifted maximum is 0 and its probability is at most 1, so tau is at least -1.
    start = (ops.full_like(top, -1), ops.full_like(top, float("inf")), True)
    tau, _, _ = ops.while_loop(lambda tau, size, shrunk: shrunk, step, start)
    return ops.maximum(shifted - tau, 0)


def _gradient(upstream, probabilities, axis):
    """Subtracts the mean over the support from upstream; 0 outside the support."""
    support = ops.sign(probabilities)
    size = ops.maximum(ops.sum(support, axis=axis, keepdims=True), 1)
    upstream = upstream * support
    return upstream - support * (ops.sum(upstream, axis=axis, keepdims=True) / size)
