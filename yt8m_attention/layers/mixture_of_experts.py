"""Letters: H width, V classes, K experts."""

import functools
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.layers.prior import bias_initializer
from yt8m_attention.ops.fusion import fused


@keras.saving.register_keras_serializable(package="yt8m_attention")
class MixtureOfExperts(MaskedLayer):
    """Mixes K logistic regressions per class and a dummy of probability 0 by a softmax over K + 1 gates.

    With probability gating, each class's probability p is multiplied by a gate that sees all classes:
    p ⊙ sigmoid(BN(p G)). Source: Abu-El-Haija et al. 2016, section 4; Miech, Laptev & Sivic 2017, section 3.

    Every gate and every expert has its own kernel [H, V]. So the softmax over the gates of a class is element-wise
    work on K + 1 arrays [..., V]. That is several times faster than a last axis of length K + 1.

    Args:
      num_classes: V.
      num_mixtures: K, the experts without the dummy.
      probability_gating: whether to apply the second gate.
      l2: L2 penalty: adds l2 / 2 times the squares of all gate and expert kernels to the loss, as TensorFlow-slim
        does. As in the published code, biases and G have no penalty.
      prior_probability: initial probability of each expert; the dummy and the second gate lower the mixture's.

    Call: x [..., H]; mask bool [...], true for vectors that count in the batch norm's statistics, or None for all.
    Returns: probabilities, float32 [..., V].
    """

    def __init__(
        self,
        num_classes: int,
        num_mixtures: int = 2,
        probability_gating: bool = True,
        l2: float = 1e-6,
        prior_probability: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.num_mixtures = num_mixtures
        self.probability_gating = probability_gating
        self.l2 = l2
        self.prior_probability = prior_probability
        if probability_gating:
            # float32, because its output becomes probabilities.
            self.batch_norm = MaskedBatchNormalization(dtype="float32", name="batch_norm")

    def build(self, input_shape: tuple[Any, ...], *_: Any) -> None:
        kernel = functools.partial(
            self.add_weight,
            shape=(input_shape[-1], self.num_classes),
            initializer="glorot_uniform",
            regularizer=keras.regularizers.L2(self.l2 / 2),
        )
        experts = range(self.num_mixtures)
        # The last gate is the dummy's. Not autocast: the differences are taken before rounding.
        gates = range(self.num_mixtures + 1)
        self.gate_kernels = [kernel(name=f"gate_kernel_{k}", autocast=False) for k in gates]
        self.expert_kernels = [kernel(name=f"expert_kernel_{k}") for k in experts]
        bias = {"shape": (self.num_classes,), "initializer": bias_initializer(self.prior_probability)}
        self.expert_biases = [self.add_weight(name=f"expert_bias_{k}", autocast=False, **bias) for k in experts]
        if self.probability_gating:
            # The published code draws G from a normal distribution of the same variance, 1 / V.
            square = (self.num_classes, self.num_classes)
            self.probability_kernel = self.add_weight(
                name="probability_kernel", shape=square, initializer="glorot_uniform"
            )
            self.batch_norm.build((*input_shape[:-1], self.num_classes))

    def call(self, x: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        # A softmax depends on differences only. Differences of kernels save the dummy's product.
        *gates, dummy = self.gate_kernels
        logits = [ops.matmul(x, ops.cast(ops.subtract(gate, dummy), self.compute_dtype)) for gate in gates]
        logits += [ops.matmul(x, kernel) for kernel in self.expert_kernels]
        probabilities, rounded = _mixture(*logits, *self.expert_biases, dtype=self.compute_dtype)
        if not self.probability_gating:
            return probabilities
        gates = ops.matmul(rounded, self.probability_kernel)
        return _apply_gates(probabilities, self.batch_norm(gates, mask=mask, training=training))

    def compute_output_spec(self, x: Tensor, mask: Tensor | None = None, training: bool = False) -> keras.KerasTensor:
        return keras.KerasTensor((*x.shape[:-1], self.num_classes), dtype="float32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "num_classes": self.num_classes,
            "num_mixtures": self.num_mixtures,
            "probability_gating": self.probability_gating,
            "l2": self.l2,
            "prior_probability": self.prior_probability,
        }


@fused
def _mixture(*arrays, dtype):
    """Returns the probabilities in float32 and in dtype.

    Args: K gates minus the dummy's, K experts' logits, K experts' biases.
    """
    wide = [ops.cast(array, "float32") for array in arrays]
    experts = len(wide) // 3
    gates, logits, biases = (wide[k * experts : (k + 1) * experts] for k in range(3))
    probabilities = mix(gates, [logit + bias for logit, bias in zip(logits, biases, strict=True)])
    return probabilities, ops.cast(probabilities, dtype)


def mix(gates: Sequence[Tensor], logits: Sequence[Tensor]) -> Tensor:
    """Returns the mixture's probabilities [..., V].

    Args:
      gates: gate of each expert minus the dummy's: K arrays [..., V].
      logits: logits of each expert: K arrays [..., V].
    """
    # The dummy's gate is 0: it counts in the denominator, and its probability is 0.
    highest = functools.reduce(ops.maximum, gates, ops.zeros_like(gates[0]))
    weights = [ops.exp(gate - highest) for gate in gates]
    mixed = sum(weight * ops.sigmoid(logit) for weight, logit in zip(weights, logits, strict=True))
    return mixed / (sum(weights) + ops.exp(-highest))


@fused
def _apply_gates(probabilities, gates):
    return probabilities * ops.sigmoid(gates)
