"""Letters: H width, V classes."""

from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.layers.prior import bias_initializer


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Logistic(MaskedLayer):
    """Applies one independent logistic regression per class.

    Args:
      num_classes: V.
      l2: L2 penalty: adds l2 / 2 times the sum of the kernel's squares to the loss, as TensorFlow-slim does.
      prior_probability: initial probability of each class.

    Call: x [..., H]; mask and training are accepted, as by every classifier, and have no effect.
    Returns: probabilities, float32 [..., V].
    """

    def __init__(self, num_classes: int, l2: float = 1e-8, prior_probability: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.l2 = l2
        self.prior_probability = prior_probability

    def build(self, input_shape: tuple[Any, ...], *_: Any) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.num_classes),
            initializer="glorot_uniform",
            regularizer=keras.regularizers.L2(self.l2 / 2),
        )
        initializer = bias_initializer(self.prior_probability)
        # Not autocast: in 16 bits, the bias of a rare class, -6, has an error of up to 0.016.
        self.bias = self.add_weight(name="bias", shape=(self.num_classes,), initializer=initializer, autocast=False)

    def call(self, x: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        return ops.sigmoid(ops.cast(ops.matmul(x, self.kernel), "float32") + self.bias)

    def compute_output_spec(self, x: Tensor, mask: Tensor | None = None, training: bool = False) -> keras.KerasTensor:
        return keras.KerasTensor((*x.shape[:-1], self.num_classes), dtype="float32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "num_classes": self.num_classes,
            "l2": self.l2,
            "prior_probability": self.prior_probability,
        }
