"""Letters: H width."""

import keras
from keras import ops

from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.fusion import fused


@keras.saving.register_keras_serializable(package="yt8m_attention")
class ContextGating(MaskedLayer):
    """Each feature of a vector let through by a gate that sees them all: x ⊙ sigmoid(BN(x W)), no bias.

    Source: Miech, Laptev & Sivic 2017, section 3.

    Call: x [..., H]; mask bool [...], true for vectors that the batch norm's statistics count, or None for all.
    Returns: [..., H].
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.batch_norm = MaskedBatchNormalization(dtype=self.dtype_policy, name="batch_norm")

    def build(self, input_shape, *_):
        width = input_shape[-1]
        self.kernel = self.add_weight(name="kernel", shape=(width, width), initializer="glorot_uniform")
        self.batch_norm.build(input_shape)

    def call(self, x, mask=None, training=False):
        return _let_through(x, self.batch_norm(ops.matmul(x, self.kernel), mask=mask, training=training))

    def compute_output_spec(self, x, mask=None, training=False):
        return keras.KerasTensor(x.shape, dtype=self.compute_dtype)


@fused
def _let_through(x, gates):
    return x * ops.sigmoid(gates)
