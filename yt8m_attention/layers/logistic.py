"""Letters: H width, V classes."""

import keras
from keras import ops

from yt8m_attention.layers.masked_layer import MaskedLayer


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Logistic(MaskedLayer):
    """One independent logistic regression a class.

    Args:
      num_classes: V.
      l2: the loss gains l2 / 2 times the sum of the kernel's squares (TensorFlow-slim's reading of the figure).

    Call: x [..., H]; mask and training are taken as by every classifier and change nothing here.
    Returns: probabilities, float32 [..., V].
    """

    def __init__(self, num_classes, l2=1e-8, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.l2 = l2

    def build(self, input_shape, *_):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.num_classes),
            initializer="glorot_uniform",
            regularizer=keras.regularizers.L2(self.l2 / 2),
        )
        self.bias = self.add_weight(name="bias", shape=(self.num_classes,), initializer="zeros")

    def call(self, x, mask=None, training=False):
        return ops.sigmoid(ops.cast(ops.matmul(x, self.kernel) + self.bias, "float32"))

    def compute_output_spec(self, x, mask=None, training=False):
        return keras.KerasTensor((*x.shape[:-1], self.num_classes), dtype="float32")

    def get_config(self):
        return super().get_config() | {"num_classes": self.num_classes, "l2": self.l2}
