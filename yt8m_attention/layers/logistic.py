"""Letters: H width, V classes."""

import keras
from keras import ops

from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.layers.prior import bias_initializer


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Logistic(MaskedLayer):
    """One independent logistic regression a class.

    Args:
      num_classes: V.
      l2: the loss gains l2 / 2 times the sum of the kernel's squares (TensorFlow-slim's reading of the figure).
      prior_probability: what each class starts with, before anything is learned.

    Call: x [..., H]; mask and training are taken as by every classifier and change nothing here.
    Returns: probabilities, float32 [..., V].
    """

    def __init__(self, num_classes, l2=1e-8, prior_probability=0.5, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.l2 = l2
        self.prior_probability = prior_probability

    def build(self, input_shape, *_):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.num_classes),
            initializer="glorot_uniform",
            regularizer=keras.regularizers.L2(self.l2 / 2),
        )
        start = bias_initializer(self.prior_probability)
        # Not cast for the call: in 16 bits, a rare class's bias of -6 would be off by up to 0.016.
        self.bias = self.add_weight(name="bias", shape=(self.num_classes,), initializer=start, autocast=False)

    def call(self, x, mask=None, training=False):
        return ops.sigmoid(ops.cast(ops.matmul(x, self.kernel), "float32") + self.bias)

    def compute_output_spec(self, x, mask=None, training=False):
        return keras.KerasTensor((*x.shape[:-1], self.num_classes), dtype="float32")

    def get_config(self):
        return super().get_config() | {
            "num_classes": self.num_classes,
            "l2": self.l2,
            "prior_probability": self.prior_probability,
        }
