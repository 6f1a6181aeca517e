"""Letters: B batch, T frames, D width, H heads, U = D / H units of a head."""

import keras
from keras import ops

from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.masked import masked_softmax


@keras.saving.register_keras_serializable(package="yt8m_attention")
class SelfAttention(MaskedLayer):
    """Every frame sees a weighted mean of its bag's frames, once for each head.

    With q, k, v the frame times three kernels [D, D], cut into H heads of U units: softmax over the bag of
    q · k / sqrt(U), times v; the heads side by side, times a fourth kernel. No biases.
    Source: Vaswani et al. 2017, section 3.2.2.

    Each kernel is one matrix, its columns head by head, and so is each product. Keras' own MultiHeadAttention says the
    same as sums over named axes, which TensorFlow carries out several times slower on a CPU (docs/performance.md).

    Args:
      num_heads: H; must divide D.

    Call: frames [B, T, D]; mask bool [B, T], true where a frame exists and can be looked at, or None for all.
    Returns: [B, T, D] in the layer's compute type, finite at frames off the mask too; 0 in a bag without frames.
    """

    def __init__(self, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads

    def build(self, input_shape, *_):
        width = input_shape[-1]
        if width % self.num_heads:
            raise ValueError(f"num_heads: found {self.num_heads}, wanted a divisor of the width {width}")
        self.query_kernel, self.key_kernel, self.value_kernel, self.output_kernel = (
            self.add_weight(name=f"{name}_kernel", shape=(width, width), initializer="glorot_uniform")
            for name in ("query", "key", "value", "output")
        )

    def call(self, frames_BTD, mask=None):
        width = frames_BTD.shape[-1]
        # Scaled here, where there is least to scale.
        query_BTD = ops.matmul(frames_BTD, self.query_kernel) * (width // self.num_heads) ** -0.5
        query_BHTU = self._heads(query_BTD)
        key_BHTU, value_BHTU = (self._heads(ops.matmul(frames_BTD, k)) for k in (self.key_kernel, self.value_kernel))
        scores_BHTT = ops.matmul(query_BHTU, ops.transpose(key_BHTU, (0, 1, 3, 2)))
        seen_B11T = None if mask is None else ops.expand_dims(mask, (1, 2))
        shares_BHTT = masked_softmax(scores_BHTT, mask=seen_B11T)
        seen_BTHU = ops.transpose(ops.matmul(shares_BHTT, value_BHTU), (0, 2, 1, 3))
        return ops.matmul(ops.reshape(seen_BTHU, ops.shape(frames_BTD)), self.output_kernel)

    def _heads(self, x_BTD):
        """[B, T, D] to [B, H, T, U]."""
        frames, width = ops.shape(x_BTD)[1], x_BTD.shape[-1]
        x_BTHU = ops.reshape(x_BTD, (-1, frames, self.num_heads, width // self.num_heads))
        return ops.transpose(x_BTHU, (0, 2, 1, 3))

    def compute_output_spec(self, frames_BTD, mask=None):
        return keras.KerasTensor(frames_BTD.shape, dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | {"num_heads": self.num_heads}
