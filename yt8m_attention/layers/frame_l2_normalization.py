"""Letters: B batch, T frames, F features."""

from typing import Any

import keras

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.masked import zero_masked
from yt8m_attention.ops.normalize import l2_normalize


@keras.saving.register_keras_serializable(package="yt8m_attention")
class FrameL2Normalization(MaskedLayer):
    """Divides each frame by its Euclidean length over all streams together.

    Call: frames [B, T, F]; mask bool [B, T], true where a frame exists, or None for all.
    Returns: float32 [B, T, F]. Masked frames become zero, so the content of the padding reaches no later layer. A frame
      of zeros stays zero.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)

    def call(self, frames_BTF: Tensor, mask: Tensor | None = None) -> Tensor:
        return l2_normalize(zero_masked(frames_BTF, mask))

    def compute_output_spec(self, frames_BTF: Tensor, mask: Tensor | None = None) -> keras.KerasTensor:
        return keras.KerasTensor(frames_BTF.shape, dtype="float32")
