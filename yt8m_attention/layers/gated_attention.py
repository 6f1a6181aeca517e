"""Letters: B batch, T frames, C width, M heads, U units of a head."""

from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.fusion import fused
from yt8m_attention.ops.masked import masked_softmax
from yt8m_attention.ops.sparsemax import sparsemax

NORMALIZERS = {"sparsemax": sparsemax, "softmax": masked_softmax}


@keras.saving.register_keras_serializable(package="yt8m_attention")
class GatedAttention(MaskedLayer):
    """Computes the attention of M heads: the weight of each frame in its bag.

    A frame's score is w · (tanh(h V) ⊙ sigmoid(h U)). Scores are normalised over the bag's frames.
    Source: Ilse, Tomczak & Welling 2018, equation 9 (no biases); sparsemax: Martins & Astudillo 2016.

    The heads' V, U and w are independent but stored side by side, so two matrix products serve all heads. They are
    initialised per head (Glorot's rule for C -> U and for U -> 1).

    Args:
      num_heads: M.
      units: U, the width of each head's V and U.
      normalizer: "sparsemax" (exact zeros) or "softmax".

    Call: h [B, T, C]; mask bool [B, T], true where a frame exists, or None for all.
    Returns: float32 [B, T, M], 0 or more: sums to 1 over the unmasked frames and is exactly 0 at masked ones; all 0 for
      a bag without frames.
    """

    def __init__(self, num_heads: int, units: int, normalizer: str = "sparsemax", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if normalizer not in NORMALIZERS:
            raise ValueError(f"normalizer: found {normalizer!r}, wanted one of {', '.join(NORMALIZERS)}")
        self.num_heads = num_heads
        self.units = units
        self.normalizer = normalizer

    def build(self, input_shape: tuple[Any, ...], *_: Any) -> None:
        width, heads, units = input_shape[-1], self.num_heads, self.units
        kernel = {
            "shape": (width, heads * units),
            "initializer": _uniform("fan_in", 2 * width / (width + units)),
        }
        self.tanh_kernel = self.add_weight(name="tanh_kernel", **kernel)
        self.sigmoid_kernel = self.add_weight(name="sigmoid_kernel", **kernel)
        self.score_kernel = self.add_weight(
            name="score_kernel", shape=(heads, units), initializer=_uniform("fan_out", 2 * units / (units + 1))
        )

    def call(self, h_BTC: Tensor, mask: Tensor | None = None) -> Tensor:
        scores_BTM = _score(
            ops.matmul(h_BTC, self.tanh_kernel),
            ops.matmul(h_BTC, self.sigmoid_kernel),
            self.score_kernel,
        )
        return _normalise(scores_BTM, mask, normalizer=self.normalizer)

    def compute_output_spec(self, h_BTC: Tensor, mask: Tensor | None = None) -> keras.KerasTensor:
        return keras.KerasTensor((*h_BTC.shape[:2], self.num_heads), dtype="float32")

    def get_config(self) -> dict[str, Any]:
        own = {"num_heads": self.num_heads, "units": self.units, "normalizer": self.normalizer}
        return super().get_config() | own


def _uniform(mode, scale):
    return keras.initializers.VarianceScaling(scale=scale, mode=mode, distribution="uniform")


@fused
def _score(tanh_BTN, sigmoid_BTN, kernel_MU):
    """Converts the pre-activations of all heads, side by side, to scores, float32 [B, T, M]."""
    heads, units = kernel_MU.shape
    gated_BTN = ops.tanh(ops.cast(tanh_BTN, "float32")) * ops.sigmoid(ops.cast(sigmoid_BTN, "float32"))
    # Each head's weights form one column, with zeros elsewhere. One product replaces a multiplication and a sum, which
    # read the same memory several times.
    columns_MUM = ops.expand_dims(ops.cast(kernel_MU, "float32"), -1) * ops.expand_dims(ops.eye(heads), 1)
    return ops.matmul(gated_BTN, ops.reshape(columns_MUM, (heads * units, heads)))


@fused
def _normalise(scores_BTM, mask_BT, *, normalizer):
    scores_BMT = ops.transpose(scores_BTM, (0, 2, 1))
    mask_B1T = None if mask_BT is None else ops.expand_dims(mask_BT, 1)
    attention_BMT = NORMALIZERS[normalizer](scores_BMT, mask=mask_B1T, axis=-1)
    return ops.transpose(attention_BMT, (0, 2, 1))
