"""Batch normalisation (Ioffe & Szegedy 2015) that excludes padding from its statistics."""

from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.fusion import fused

# The starter code's slim.batch_norm uses 0.999, which averages over thousands of steps. That suits 60,000 steps, but it
# does not converge in the few hundred of a small data set. 0.99 suits both.
MOMENTUM = 0.99
# As in slim. It matters here: one feature of an l2-normalised frame has a variance of the same size (1/1152).
EPSILON = 1e-3


@keras.saving.register_keras_serializable(package="yt8m_attention")
class MaskedBatchNormalization(MaskedLayer):
    """Normalises each feature: subtracts its mean, divides by its standard deviation, multiplies by gamma, adds beta.

    Training uses the mean and variance of the batch's unmasked entries and updates the moving statistics. Inference
    uses the moving statistics, so a prediction never depends on the other entries of its batch.

    The moving statistics are plain averages over the first 1 / (1 - momentum) steps and exponential averages after
    that. With the usual start at mean 0 and variance 1, 5 % of that 1 would remain after 300 steps: sixty times the
    variance of an l2-normalised feature. Replicas average their statistics. A batch without unmasked entries changes
    no statistics.

    Keras' own layer does none of this: its masked moments fail for one feature, a fully masked batch moves its
    statistics to zero, and its replicas drift apart.

    Args:
      momentum: weight of the old moving statistics in an update, 0 or more and less than 1.
      epsilon: added to the variance.

    Call: x [..., D], float; mask bool [...], true where an entry counts, or None for all. Masked entries must be
      finite; they are normalised like the others.
    Returns: [..., D] in the layer's compute dtype; the computation is always in float32.
    """

    def __init__(self, momentum: float = MOMENTUM, epsilon: float = EPSILON, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape: tuple[Any, ...], *_: Any) -> None:
        width = (input_shape[-1],)
        self.gamma = self.add_weight(shape=width, name="gamma", initializer="ones", autocast=False)
        self.beta = self.add_weight(shape=width, name="beta", initializer="zeros", autocast=False)
        statistic = {"trainable": False, "autocast": False, "aggregation": "mean"}
        self.moving_mean = self.add_weight(shape=width, name="moving_mean", initializer="zeros", **statistic)
        self.moving_variance = self.add_weight(shape=width, name="moving_variance", initializer="ones", **statistic)
        self.updates = self.add_weight(shape=(), name="updates", initializer="zeros", **statistic)

    def call(self, x: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        x = ops.cast(x, "float32")
        mean, variance = self._moments(x, mask, training)
        settings = {"epsilon": self.epsilon, "dtype": self.compute_dtype}
        return _normalise(x, mean, variance, self.gamma, self.beta, **settings)

    def scale_and_shift(
        self, x: Tensor, mask: Tensor | None = None, training: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Returns a call's result as (x, scale, shift), for the next layer to fold into its weights: x * scale + shift.

        x is [..., D] in the layer's compute dtype, scale and shift are float32 [D]. In 16 bits the mean is subtracted
        from x, because rounding a mean of several standard deviations would lose accuracy. gamma and beta get
        gradients; x gets none through the statistics.
        """
        if not self.built:
            self.build(x.shape)
        x = ops.cast(x, "float32")
        mean, variance = self._moments(ops.stop_gradient(x), mask, training)
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        if self.compute_dtype in ("bfloat16", "float16"):
            return _centre(x, mean, dtype=self.compute_dtype), scale, ops.convert_to_tensor(self.beta)
        return ops.cast(x, self.compute_dtype), scale, self.beta - mean * scale

    def _moments(self, x, mask, training):
        """Returns the mean and variance [D] to use; in training those of x, and updates the moving ones."""
        if not (training and self.trainable):
            return ops.convert_to_tensor(self.moving_mean), ops.convert_to_tensor(self.moving_variance)
        mean, variance, count = _moments(x, mask)
        self._update_moving_statistics(mean, variance, count)
        return mean, variance

    def _update_moving_statistics(self, mean, variance, count):
        """Updates the moving statistics."""
        updates = ops.convert_to_tensor(self.updates)
        has_entries = ops.cast(count > 0, "float32")
        rate = has_entries * ops.maximum(1.0 - self.momentum, 1.0 / (updates + 1.0))
        self.moving_mean.assign(self.moving_mean + rate * (mean - self.moving_mean))
        self.moving_variance.assign(self.moving_variance + rate * (variance - self.moving_variance))
        self.updates.assign(updates + has_entries)

    def compute_output_spec(self, x: Tensor, mask: Tensor | None = None, training: bool = False) -> keras.KerasTensor:
        return keras.KerasTensor(x.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"momentum": self.momentum, "epsilon": self.epsilon}


@fused
def _moments(x, mask):
    """Returns the mean [D] and variance [D] of the unmasked entries of x [..., D], and their number (scalar)."""
    entries_ND = ops.reshape(x, (-1, x.shape[-1]))
    weights_1N = ops.ones((1, ops.shape(entries_ND)[0])) if mask is None else ops.reshape(mask, (1, -1))
    weights_1N = ops.cast(weights_1N, "float32")
    count = ops.sum(weights_1N)
    divisor = ops.maximum(count, 1.0)
    # Matrix products instead of sums avoid weighted copies of x.
    mean_1D = ops.matmul(weights_1N, entries_ND) / divisor
    variance_1D = ops.matmul(weights_1N, ops.square(entries_ND - mean_1D)) / divisor
    return mean_1D[0], variance_1D[0], count


@fused
def _centre(x, mean, *, dtype):
    return ops.cast(x - mean, dtype)


@fused
def _normalise(x, mean, variance, gamma, beta, *, epsilon, dtype):
    scale = gamma * ops.rsqrt(variance + epsilon)
    return ops.cast(x * scale + (beta - mean * scale), dtype)
