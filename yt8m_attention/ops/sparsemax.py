"""Sparsemax: the normaliser of attention scores that gives most frames exactly nothing.

Source: Martins & Astudillo 2016, "From Softmax to Sparsemax", arXiv 1602.02068.
"""

import keras
import numpy as np
from keras import ops

_LOWEST = float(np.finfo("float32").min)


def sparsemax(logits, mask=None, axis=-1):
    """Projects logits onto the probability simplex: p = max(logits - tau, 0), with tau such that p sums to one.

    Args:
      logits: [..., N, ...], any rank from 1 on; computed in float32 (float64 stays) whatever their dtype is.
        A logit of -inf counts as masked; NaN or +inf make their row NaN, as in softmax.
      mask: bool, broadcastable to logits; False entries get 0 and take no part. None: nothing is masked.
      axis: the axis to normalise over.

    Returns:
      Probabilities in the shape and dtype of logits. A row with nothing unmasked is all 0, with gradient 0.
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
    """Newton's method on the sum of max(z - tau, 0), which is convex, falling and piecewise linear in tau.

    From the left, each step goes to the root of the piece that tau lies on: it never passes the true tau and drops at
    least one entry from the support, until the support stands, and that is the exact answer. The product of the excess
    over one and the support's size falls at least fourfold a step, so rounding ends it after some 20 steps (N = 300),
    however the row is made; a batch of random rows takes 2 to 8.
    """
    # The bound keeps a row of nothing but -inf from becoming NaN.
    top = ops.max(logits, axis=axis, keepdims=True, initial=_LOWEST)
    shifted = logits - top

    def step(tau, size, _):
        parts = ops.maximum(shifted - tau, 0)
        excess = ops.sum(parts, axis=axis, keepdims=True) - 1
        new_size = ops.sum(ops.sign(parts), axis=axis, keepdims=True)
        return tau + excess / ops.maximum(new_size, 1), ops.minimum(size, new_size), ops.any(new_size < size)

    # The maximum itself is at 0 and gets 1 at most, so tau is -1 at least.
    start = (ops.full_like(top, -1), ops.full_like(top, float("inf")), True)
    tau, _, _ = ops.while_loop(lambda tau, size, shrunk: shrunk, step, start)
    return ops.maximum(shifted - tau, 0)


def _gradient(upstream, probabilities, axis):
    """The Jacobian is that of centring on the support: upstream less its mean there, and 0 elsewhere."""
    support = ops.sign(probabilities)
    size = ops.maximum(ops.sum(support, axis=axis, keepdims=True), 1)
    upstream = upstream * support
    return upstream - support * (ops.sum(upstream, axis=axis, keepdims=True) / size)
