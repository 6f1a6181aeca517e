"""Letters: B batch, T frames, D width."""

from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.masked import masked_last, masked_max, masked_mean

POOLINGS = {"mean": masked_mean, "max": masked_max, "last": masked_last}


@keras.saving.register_keras_serializable(package="yt8m_attention")
class FramePooling(MaskedLayer):
    """Pools a bag's frames into one vector, without weights.

    Args:
      pooling: "mean" of each feature over the frames, its "max", or the "last" frame.

    Call: frames [B, T, D]; mask bool [B, T], true where a frame exists, or None for all.
    Returns: [B, D] in the layer's compute dtype; 0 for a bag without frames.
    """

    def __init__(self, pooling: str = "mean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if pooling not in POOLINGS:
            raise ValueError(f"pooling: found {pooling!r}, wanted one of {', '.join(POOLINGS)}")
        self.pooling = pooling

    def call(self, frames_BTD: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            mask = ops.ones(ops.shape(frames_BTD)[:2], dtype="bool")
        return POOLINGS[self.pooling](frames_BTD, ops.expand_dims(mask, -1), axis=1)

    def compute_output_spec(self, frames_BTD: Tensor, mask: Tensor | None = None) -> keras.KerasTensor:
        return keras.KerasTensor((frames_BTD.shape[0], frames_BTD.shape[-1]), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"pooling": self.pooling}
