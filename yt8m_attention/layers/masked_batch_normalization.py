"""Batch normalisation (Ioffe & Szegedy 2015) that leaves padding out of its statistics."""

import keras
from keras import ops

from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.fusion import fused

# The starter code's slim.batch_norm keeps 0.999 of the old statistics at every step. That remembers thousands of
# steps: right for 60,000, far from converged after the few hundred that small data takes. 0.99 serves both.
MOMENTUM = 0.99
# As slim's. It matters here: the variance of one feature of an l2-normalised frame is about as small (1/1152).
EPSILON = 1e-3


@keras.saving.register_keras_serializable(package="yt8m_attention")
class MaskedBatchNormalization(MaskedLayer):
    """Each feature less its mean, over its standard deviation, times gamma, plus beta.

    Training uses the mean and variance of the batch's unmasked entries and moves the kept statistics towards them.
    Inference uses the kept ones, so a prediction never depends on its batch-mates.

    The kept statistics are plain averages over the first 1 / (1 - momentum) steps and exponential ones from then on.
    (Started at mean 0 and variance 1, as usual, 300 steps would leave 5 % of that 1 in them: sixty times the variance
    of an l2-normalised feature.) Over replicas they are averaged. A batch with nothing unmasked changes nothing.

    Keras' own layer does none of this: its masked moments fail for one feature, a fully masked batch drags its
    statistics to zero, and its replicas drift apart.

    Args:
      momentum: share of the kept statistics that survives a step, 0 or more and less than 1.
      epsilon: added to the variance.

    Call: x [..., D], float; mask bool [...], true where an entry counts, or None for all. What is masked must be
      finite; it is normalised like the rest.
    Returns: [..., D] in the layer's compute type; the arithmetic is float32 always.
    """

    def __init__(self, momentum=MOMENTUM, epsilon=EPSILON, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape, *_):
        width = (input_shape[-1],)
        self.gamma = self.add_weight(shape=width, name="gamma", initializer="ones", autocast=False)
        self.beta = self.add_weight(shape=width, name="beta", initializer="zeros", autocast=False)
        kept = {"trainable": False, "autocast": False, "aggregation": "mean"}
        self.moving_mean = self.add_weight(shape=width, name="moving_mean", initializer="zeros", **kept)
        self.moving_variance = self.add_weight(shape=width, name="moving_variance", initializer="ones", **kept)
        self.updates = self.add_weight(shape=(), name="updates", initializer="zeros", **kept)

    def call(self, x, mask=None, training=False):
        x = ops.cast(x, "float32")
        mean, variance = self._moments(x, mask, training)
        settings = {"epsilon": self.epsilon, "dtype": self.compute_dtype}
        return _normalise(x, mean, variance, self.gamma, self.beta, **settings)

    def scale_and_shift(self, x, mask=None, training=False):
        """What a call with the same arguments gives, for a layer behind to fold into its weights: x * scale + shift.

        Returns (x, scale, shift): x [..., D] in the layer's compute type, scale and shift float32 [D]. In 16 bits x
        comes less its mean, since what rounding takes off a mean of several standard deviations would show. The
        gradient goes on to gamma and beta; statistics have none for x.
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
        """Mean and variance [D] to go by; in training those of x, which the kept ones move towards."""
        if not (training and self.trainable):
            return ops.convert_to_tensor(self.moving_mean), ops.convert_to_tensor(self.moving_variance)
        mean, variance, count = _moments(x, mask)
        self._keep(mean, variance, count)
        return mean, variance

    def _keep(self, mean, variance, count):
        """One step of the kept statistics."""
        updates = ops.convert_to_tensor(self.updates)
        some = ops.cast(count > 0, "float32")
        rate = some * ops.maximum(1.0 - self.momentum, 1.0 / (updates + 1.0))
        self.moving_mean.assign(self.moving_mean + rate * (mean - self.moving_mean))
        self.moving_variance.assign(self.moving_variance + rate * (variance - self.moving_variance))
        self.updates.assign(updates + some)

    def compute_output_spec(self, x, mask=None, training=False):
        return keras.KerasTensor(x.shape, dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | {"momentum": self.momentum, "epsilon": self.epsilon}


@fused
def _moments(x, mask):
    """Mean [D] and variance [D] of the unmasked entries of x [..., D], and how many these are (scalar)."""
    entries_ND = ops.reshape(x, (-1, x.shape[-1]))
    weights_1N = ops.ones((1, ops.shape(entries_ND)[0])) if mask is None else ops.reshape(mask, (1, -1))
    weights_1N = ops.cast(weights_1N, "float32")
    count = ops.sum(weights_1N)
    divisor = ops.maximum(count, 1.0)
    # Sums as products: weighted copies of x need not be made.
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
