"""The multi-attention network with a mixture of experts, written plainly with Keras layers.

It is the reference for the speed, values and gradients of the network in yt8m_attention/models.
Letters: B batch, T frames, F features, D width of a stream, M heads, U units of a head, H hidden width, V classes.
"""

import keras
import numpy as np
from keras import layers, ops

from yt8m_attention import schema
from yt8m_attention.layers.gated_attention import NORMALIZERS
from yt8m_attention.layers.masked_batch_normalization import EPSILON, MOMENTUM


def _norm(name):
    return layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=name)


def _dense(width, name, use_bias=False):
    return layers.Dense(width, use_bias=use_bias, name=name)


class PlainNetwork(keras.Model):
    """Computes probabilities [B, V] from bytes [B, T, F] without padding.

    Args:
      model: a config.Model of a multi-attention network with mixture of experts, probability and context gating.
      l2: L2 penalty of the kernels of the mixture.
    """

    def __init__(self, model, l2=1e-6):
        super().__init__()
        self.model, self.l2 = model, l2
        self.noise = layers.GaussianNoise(model.input_noise)
        self.input_norm = _norm("input_norm")
        sizes = model.attention_sizes or [max(64, size // 4) for size in model.features.sizes]
        self.reduce = [_dense(size, f"reduce_{n}") for n, size in enumerate(sizes)]
        self.reduce_norm = [_norm(f"reduce_norm_{n}") for n in range(len(sizes))]
        units = [model.num_heads * (size // 2) for size in sizes]
        self.tanh = [_dense(width, f"tanh_{n}") for n, width in enumerate(units)]
        self.sigmoid = [_dense(width, f"sigmoid_{n}") for n, width in enumerate(units)]
        self.score = [
            self.add_weight(shape=(model.num_heads, size // 2), name=f"score_{n}") for n, size in enumerate(sizes)
        ]
        self.hidden, self.hidden_norm = _dense(model.hidden_size, "hidden"), _norm("hidden_norm")
        self.context_gate, self.context_norm = _dense(model.hidden_size, "context_gate"), _norm("context_norm")
        penalty = {"kernel_regularizer": keras.regularizers.L2(l2 / 2), "name": "gates"}
        many = model.num_classes * (model.moe_num_mixtures + 1)
        self.gates = layers.Dense(many, use_bias=False, **penalty)
        self.experts = layers.Dense(model.num_classes * model.moe_num_mixtures, **penalty | {"name": "experts"})
        self.probability_gate = _dense(model.num_classes, "probability_gate")
        self.probability_norm = _norm("probability_norm")

    def call(self, frames_BTF, training=False):
        frames_BTF = ops.cast(frames_BTF, "float32") * schema.QUANTIZED_STEP + schema.QUANTIZED_OFFSET
        frames_BTF = self.noise(ops.normalize(frames_BTF, axis=-1), training=training)
        frames_BTF = self.input_norm(frames_BTF, training=training)
        ends = np.cumsum(self.model.features.sizes)[:-1].tolist()
        pooled = [self.stream(n, own, training) for n, own in enumerate(ops.split(frames_BTF, ends, axis=-1))]
        hidden_BMH = self.hidden_norm(self.hidden(ops.concatenate(pooled, axis=-1)), training=training)
        gate_BMH = self.context_norm(self.context_gate(hidden_BMH), training=training)
        return ops.max(self.classify(hidden_BMH * ops.sigmoid(gate_BMH), training), axis=1)

    def stream(self, n, frames_BTD, training):
        reduced = self.reduce_norm[n](self.reduce[n](frames_BTD), training=training)
        gated = ops.tanh(self.tanh[n](reduced)) * ops.sigmoid(self.sigmoid[n](reduced))
        gated_BTMU = ops.reshape(gated, (*ops.shape(gated)[:2], *self.score[n].shape))
        scores_BTM = ops.sum(gated_BTMU * self.score[n], axis=-1)
        attention_BTM = NORMALIZERS[self.model.attention_normalizer](scores_BTM, axis=1)
        return ops.einsum("btm,btd->bmd", attention_BTM, frames_BTD)

    def classify(self, hidden_BMH, training):
        many = self.model.moe_num_mixtures
        shape = (*ops.shape(hidden_BMH)[:2], self.model.num_classes)
        gates = ops.softmax(ops.reshape(self.gates(hidden_BMH), (*shape, many + 1)))
        experts = ops.sigmoid(ops.reshape(self.experts(hidden_BMH), (*shape, many)))
        probabilities = ops.sum(gates[..., :many] * experts, axis=-1)
        gate = self.probability_norm(self.probability_gate(probabilities), training=training)
        return probabilities * ops.sigmoid(gate)

    def weights_of(self, network):
        """Converts the weights of a models.MultiAttention of the same configuration to this network: {name: array}.

        Args:
          network: {path below the network: array} of weights, or of gradients.
        """
        names = self.model.features.names
        found = {f"{plain}/{what}": network[f"{ours}/{what}"] for plain, ours in (
            ("input_norm", "input_norm"), ("hidden_norm", "hidden_norm"), ("context_norm", "context_gating/batch_norm"),
            ("probability_norm", "classifier/batch_norm"),
            *((f"reduce_norm_{n}", f"{name}_stream/reduce_norm") for n, name in enumerate(names)),
        ) for what in ("gamma", "beta")}  # fmt: skip
        for n, name in enumerate(names):
            attention = f"{name}_stream/attention"
            found |= {
                f"reduce_{n}/kernel": network[f"{name}_stream/reduce/kernel"],
                f"tanh_{n}/kernel": network[f"{attention}/tanh_kernel"],
                f"sigmoid_{n}/kernel": network[f"{attention}/sigmoid_kernel"],
                f"score_{n}": network[f"{attention}/score_kernel"],
            }
        many = range(self.model.moe_num_mixtures)

        def side_by_side(name, count):
            planes = np.stack([network[f"classifier/{name}_{k}"] for k in count], axis=-1)
            return planes.reshape(*planes.shape[:-2], -1)

        return found | {
            "hidden/kernel": network["hidden/kernel"],
            "context_gate/kernel": network["context_gating/kernel"],
            "gates/kernel": side_by_side("gate_kernel", range(len(many) + 1)),
            "experts/kernel": side_by_side("expert_kernel", many),
            "experts/bias": side_by_side("expert_bias", many),
            "probability_gate/kernel": network["classifier/probability_kernel"],
        }
