"""Letters: B batch, T frames, D width."""

from typing import Any

import keras

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.layers.self_attention import SelfAttention

# Width of the inner layer divided by D, as in the source.
INNER = 4


@keras.saving.register_keras_serializable(package="yt8m_attention")
class TransformerBlock(MaskedLayer):
    """Applies self-attention over the bag, then a two-layer network to each frame.

    x = x + attention(norm(x)), x = x + W2 gelu(W1 norm(x)). Source: Vaswani et al. 2017, section 3. The norm comes
    before each part, not after it (Xiong et al. 2020), so the learning rate needs no warm-up.

    Args:
      num_heads: attention heads; must divide D.

    Call: frames [B, T, D]; mask bool [B, T], true where a frame exists, or None for all.
    Returns: [B, T, D] in the layer's compute dtype, finite at masked frames too.
    """

    def __init__(self, num_heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads

    def build(self, input_shape: tuple[Any, ...], *_: Any) -> None:
        width, policy = input_shape[-1], {"dtype": self.dtype_policy}
        self.attention_norm = keras.layers.LayerNormalization(name="attention_norm", **policy)
        self.attention = SelfAttention(self.num_heads, name="attention", **policy)
        self.inner_norm = keras.layers.LayerNormalization(name="inner_norm", **policy)
        self.inner = keras.layers.Dense(INNER * width, activation="gelu", name="inner", **policy)
        self.outer = keras.layers.Dense(width, name="outer", **policy)
        self.attention_norm.build(input_shape)
        self.attention.build(input_shape)
        self.inner_norm.build(input_shape)
        self.inner.build(input_shape)
        self.outer.build((*input_shape[:-1], INNER * width))

    def call(self, frames_BTD: Tensor, mask: Tensor | None = None) -> Tensor:
        frames_BTD = frames_BTD + self.attention(self.attention_norm(frames_BTD), mask=mask)
        return frames_BTD + self.outer(self.inner(self.inner_norm(frames_BTD)))

    def compute_output_spec(self, frames_BTD: Tensor, mask: Tensor | None = None) -> keras.KerasTensor:
        return keras.KerasTensor(frames_BTD.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"num_heads": self.num_heads}
