"""Letters: H width."""

from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.fusion import fused


@keras.saving.register_keras_serializable(package="yt8m_attention")
class ContextGating(MaskedLayer):
    """Multiplies each feature of a vector by a gate that sees all features: x ⊙ sigmoid(BN(x W)), no bias.

    Source: Miech, Laptev & Sivic 2017, section 3.

    Call: x [..., H]; mask bool [...], true for vectors that count in the batch norm's statistics, or None for all.
    Returns: [..., H].
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_norm = MaskedBatchNormalization(dtype=self.dtype_policy, name="batch_norm")

    def build(self, input_shape: tuple[Any, ...], *_: Any) -> None:
        width = input_shape[-1]
        self.kernel = self.add_weight(name="kernel", shape=(width, width), initializer="glorot_uniform")
        self.batch_norm.build(input_shape)

    def call(self, x: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        return _apply_gates(x, self.batch_norm(ops.matmul(x, self.kernel), mask=mask, training=training))

    def compute_output_spec(self, x: Tensor, mask: Tensor | None = None, training: bool = False) -> keras.KerasTensor:
        return keras.KerasTensor(x.shape, dtype=self.compute_dtype)


@fused
def _apply_gates(x, gates):
    return x * ops.sigmoid(gates)
