"""Folded computation of probabilities from hidden vectors, see models/folded.py.

Letters: N vectors, B bags, M vectors of a bag, H width, V classes, C selected classes, K experts.
"""

from collections.abc import Sequence

import numpy as np
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.mixture_of_experts import MixtureOfExperts, mix
from yt8m_attention.models.folding import affine, tensor, weight
from yt8m_attention.models.frame_level import FrameLevelModel
from yt8m_attention.ops.fusion import fused


class FoldedClassifier:
    """Applies a FrameLevelModel's context gating, its classifier and the maximum over a bag's vectors.

    Call: hidden [B, M, H], float32, normalised. Returns: probabilities, float32 [B, C].

    Args: see models.folded.FoldedAttention.
    """

    def __init__(self, model: FrameLevelModel, classes: Sequence[int] | np.ndarray | None, dtype: str) -> None:
        self.dtype = dtype
        self.columns = np.arange(model.config.num_classes) if classes is None else np.asarray(classes)
        self.gate = model.context_gating and _Affine(
            weight(model.context_gating.kernel), affine(model.context_gating.batch_norm), dtype
        )
        kind = _Mixture if isinstance(model.classifier, MixtureOfExperts) else _Logistic
        self.classify = kind(model.classifier, self.columns, dtype)

    def __call__(self, hidden_BMH: Tensor) -> Tensor:
        _, heads, width = hidden_BMH.shape
        hidden_NH = ops.reshape(hidden_BMH, (-1, width))
        if self.gate:
            product = ops.matmul(ops.cast(hidden_NH, self.dtype), self.gate.kernel)
            hidden_NH = _gate(hidden_NH, product, self.gate.shift)
        return self.classify(ops.cast(hidden_NH, self.dtype), heads)


class _Affine:
    """A matrix product and the batch norm after it, as kernel and shift."""

    def __init__(self, kernel, scale_and_shift, dtype):
        scale, shift = scale_and_shift
        self.kernel, self.shift = tensor(kernel * scale, dtype), tensor(shift)


class _Logistic:
    def __init__(self, layer, columns, dtype):
        self.kernel = tensor(weight(layer.kernel)[:, columns], dtype)
        self.bias = tensor(weight(layer.bias)[columns])

    def __call__(self, hidden_NH, heads):
        return _highest_logistic(ops.matmul(hidden_NH, self.kernel), self.bias, heads=heads)


class _Mixture:
    def __init__(self, layer, columns, dtype):
        self.dtype, self.experts = dtype, layer.num_mixtures
        used = np.arange(layer.num_classes) if layer.probability_gating else columns
        *gates, dummy = (weight(kernel)[:, used] for kernel in layer.gate_kernels)
        experts = [weight(kernel)[:, used] for kernel in layer.expert_kernels]
        self.kernel = tensor(np.concatenate([*(gate - dummy for gate in gates), *experts], axis=1), dtype)
        self.biases = tensor(np.stack([weight(bias)[used] for bias in layer.expert_biases]))
        self.columns = ops.convert_to_tensor(np.int32(columns))
        self.gate = None
        if layer.probability_gating:
            scale, shift = affine(layer.batch_norm)
            kernel = weight(layer.probability_kernel)[:, columns]
            self.gate = _Affine(kernel, (scale[columns], shift[columns]), dtype)

    def __call__(self, hidden_NH, heads):
        planes = ops.matmul(hidden_NH, self.kernel)
        if self.gate is None:
            return _highest(_mixture(planes, self.biases, experts=self.experts), heads=heads)
        inner_NV, outer_NC = _mixture_and_part(
            planes, self.biases, self.columns, experts=self.experts, dtype=self.dtype
        )
        return _highest_gated(outer_NC, ops.matmul(inner_NV, self.gate.kernel), self.gate.shift, heads=heads)


@fused
def _gate(hidden, product, shift):
    return hidden * ops.sigmoid(ops.cast(product, "float32") + shift)


def _highest(x_NC, heads):
    return ops.max(ops.reshape(x_NC, (-1, heads, x_NC.shape[-1])), axis=1)


@fused
def _highest_logistic(product, bias, *, heads):
    # The sigmoid is increasing, so the largest logit gives the largest probability.
    return ops.sigmoid(_highest(ops.cast(product, "float32"), heads) + bias)


@fused
def _highest_gated(probabilities, product, shift, *, heads):
    return _highest(probabilities * ops.sigmoid(ops.cast(product, "float32") + shift), heads)


def _mix(planes, biases, experts):
    """Converts K gates minus the dummy's and K experts, side by side [N, 2 K V], to probabilities float32 [N, V]."""
    planes = ops.reshape(ops.cast(planes, "float32"), (-1, 2 * experts, planes.shape[-1] // (2 * experts)))
    gates = [planes[:, k] for k in range(experts)]
    return mix(gates, [planes[:, experts + k] + biases[k] for k in range(experts)])


@fused
def _mixture(planes, biases, *, experts):
    return _mix(planes, biases, experts)


@fused
def _mixture_and_part(planes, biases, columns, *, experts, dtype):
    probabilities = _mix(planes, biases, experts)
    return ops.cast(probabilities, dtype), ops.take(probabilities, columns, axis=1)
