"""Letters: B batch, T frames, D width, H heads, U = D / H units of a head."""

from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.masked import masked_softmax


@keras.saving.register_keras_serializable(package="yt8m_attention")
class SelfAttention(MaskedLayer):
    """Computes multi-head self-attention over the frames of a bag, without biases.

    q, k and v are the frame times three kernels [D, D], cut into H heads of U units. A head's output is the softmax
    over the bag of q · k / sqrt(U), times v. The heads are concatenated and multiplied by a fourth kernel.
    Source: Vaswani et al. 2017, section 3.2.2.

    Each kernel is one matrix, with its columns grouped by head. Keras' own MultiHeadAttention uses einsum, which
    TensorFlow runs several times slower on a CPU (docs/performance.md).

    Args:
      num_heads: H; must divide D.

    Call: frames [B, T, D]; mask bool [B, T], true where a frame exists, or None for all.
    Returns: [B, T, D] in the layer's compute dtype, finite at masked frames too; 0 in a bag without frames.
    """

    def __init__(self, num_heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads

    def build(self, input_shape: tuple[Any, ...], *_: Any) -> None:
        width = input_shape[-1]
        if width % self.num_heads:
            raise ValueError(f"num_heads: found {self.num_heads}, wanted a divisor of the width {width}")
        self.query_kernel, self.key_kernel, self.value_kernel, self.output_kernel = (
            self.add_weight(name=f"{name}_kernel", shape=(width, width), initializer="glorot_uniform")
            for name in ("query", "key", "value", "output")
        )

    def call(self, frames_BTD: Tensor, mask: Tensor | None = None) -> Tensor:
        width = frames_BTD.shape[-1]
        # The query is scaled, because it is smaller than the scores.
        query_BTD = ops.matmul(frames_BTD, self.query_kernel) * (width // self.num_heads) ** -0.5
        query_BHTU = self._heads(query_BTD)
        key_BHTU, value_BHTU = (self._heads(ops.matmul(frames_BTD, k)) for k in (self.key_kernel, self.value_kernel))
        scores_BHTT = ops.matmul(query_BHTU, ops.transpose(key_BHTU, (0, 1, 3, 2)))
        mask_B11T = None if mask is None else ops.expand_dims(mask, (1, 2))
        attention_BHTT = masked_softmax(scores_BHTT, mask=mask_B11T)
        pooled_BTHU = ops.transpose(ops.matmul(attention_BHTT, value_BHTU), (0, 2, 1, 3))
        return ops.matmul(ops.reshape(pooled_BTHU, ops.shape(frames_BTD)), self.output_kernel)

    def _heads(self, x_BTD):
        """Splits [B, T, D] into heads: [B, H, T, U]."""
        frames, width = ops.shape(x_BTD)[1], x_BTD.shape[-1]
        x_BTHU = ops.reshape(x_BTD, (-1, frames, self.num_heads, width // self.num_heads))
        return ops.transpose(x_BTHU, (0, 2, 1, 3))

    def compute_output_spec(self, frames_BTD: Tensor, mask: Tensor | None = None) -> keras.KerasTensor:
        return keras.KerasTensor(frames_BTD.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"num_heads": self.num_heads}
