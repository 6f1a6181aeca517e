"""Letters: H width, V classes, K experts."""

import functools

import keras
from keras import ops

from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.layers.prior import bias_initializer
from yt8m_attention.ops.fusion import fused


@keras.saving.register_keras_serializable(package="yt8m_attention")
class MixtureOfExperts(MaskedLayer):
    """For each class, K logistic regressions and a dummy that always says no, mixed by a softmax over K + 1 gates.

    With probability gating, each class's answer p is then let through by a gate that sees all classes' answers:
    p ⊙ sigmoid(BN(p G)). Source: Abu-El-Haija et al. 2016, section 4; Miech, Laptev & Sivic 2017, section 3.

    Every gate and every expert is a kernel [H, V] of its own, so that the softmax over the gates of a class is
    arithmetic between K + 1 whole arrays [..., V]; that is several times faster than a last axis of length K + 1.

    Args:
      num_classes: V.
      num_mixtures: K, experts beside the dummy.
      probability_gating: whether the second gate is there.
      l2: the loss gains l2 / 2 times the squares of all gate and expert kernels (TensorFlow-slim's reading of the
        figure). As in the published code, biases and G are free of it.
      prior_probability: what each expert starts with, before anything is learned; the dummy and the second gate
        lower it.

    Call: x [..., H]; mask bool [...], true for vectors that the batch norm's statistics count, or None for all.
    Returns: probabilities, float32 [..., V].
    """

    def __init__(self, num_classes, num_mixtures=2, probability_gating=True, l2=1e-6, prior_probability=0.5, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.num_mixtures = num_mixtures
        self.probability_gating = probability_gating
        self.l2 = l2
        self.prior_probability = prior_probability
        if probability_gating:
            # float32: its output goes through a sigmoid into probabilities.
            self.batch_norm = MaskedBatchNormalization(dtype="float32", name="batch_norm")

    def build(self, input_shape, *_):
        kernel = functools.partial(
            self.add_weight,
            shape=(input_shape[-1], self.num_classes),
            initializer="glorot_uniform",
            regularizer=keras.regularizers.L2(self.l2 / 2),
        )
        experts = range(self.num_mixtures)
        # The last one is the dummy's. Not cast for the call: the differences are to be taken before rounding.
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

    def call(self, x, mask=None, training=False):
        # A softmax knows only differences: taken from the kernels, they spare the dummy's product.
        *gates, dummy = self.gate_kernels
        logits = [ops.matmul(x, ops.cast(ops.subtract(gate, dummy), self.compute_dtype)) for gate in gates]
        logits += [ops.matmul(x, kernel) for kernel in self.expert_kernels]
        probabilities, rounded = _mixture(*logits, *self.expert_biases, dtype=self.compute_dtype)
        if not self.probability_gating:
            return probabilities
        gates = ops.matmul(rounded, self.probability_kernel)
        return _let_through(probabilities, self.batch_norm(gates, mask=mask, training=training))

    def compute_output_spec(self, x, mask=None, training=False):
        return keras.KerasTensor((*x.shape[:-1], self.num_classes), dtype="float32")

    def get_config(self):
        return super().get_config() | {
            "num_classes": self.num_classes,
            "num_mixtures": self.num_mixtures,
            "probability_gating": self.probability_gating,
            "l2": self.l2,
            "prior_probability": self.prior_probability,
        }


@fused
def _mixture(*arrays, dtype):
    """K gates less the dummy's, K experts' logits, K experts' biases -> probabilities, in float32 and in dtype."""
    arrays = [ops.cast(array, "float32") for array in arrays]
    experts = len(arrays) // 3
    gates, logits, biases = (arrays[k * experts : (k + 1) * experts] for k in range(3))
    probabilities = mix(gates, [logit + bias for logit, bias in zip(logits, biases, strict=True)])
    return probabilities, ops.cast(probabilities, dtype)


def mix(gates, logits):
    """The mixture's probabilities.

    Args:
      gates: of each expert, less the dummy's: K arrays [..., V].
      logits: of each expert: K arrays [..., V].
    """
    # The dummy's gate is 0; its share counts in the total, its answer is 0.
    highest = functools.reduce(ops.maximum, gates, ops.zeros_like(gates[0]))
    shares = [ops.exp(gate - highest) for gate in gates]
    mixed = sum(share * ops.sigmoid(logit) for share, logit in zip(shares, logits, strict=True))
    return mixed / (sum(shares) + ops.exp(-highest))


@fused
def _let_through(probabilities, gates):
    return probabilities * ops.sigmoid(gates)
