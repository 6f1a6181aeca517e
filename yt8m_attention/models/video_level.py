"""Letters: B batch, T frames, F features."""

from typing import Any

import keras
from keras import ops

from yt8m_attention import config as configs
from yt8m_attention.aliases import Batch, Tensor
from yt8m_attention.layers.frame_pooling import FramePooling
from yt8m_attention.models.frame_level import FrameLevelModel


@keras.saving.register_keras_serializable(package="yt8m_attention")
class VideoLevel(FrameLevelModel):
    """Classifies the mean of the bag's stored frames.

    These are the starter code's video-level models, logistic regression and mixture of experts (Abu-El-Haija et al.
    2016, section 4). A video-level record holds this mean as `mean_rgb` and `mean_audio`: a bag of one frame. So one
    network trains on both kinds of files, and it scores a segment by the mean of its frames. The mean is l2-normalised
    and batch-normalised like a frame. (`frame_pooling` normalises each frame before the mean.)
    """

    def __init__(self, config: configs.Model, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.mean = FramePooling("mean", dtype="float32", name="mean")

    def call(self, inputs: Batch, training: bool = False) -> dict[str, Tensor]:
        frames_BTF, mask_BT = self.dequantize(inputs["frames"]), inputs.get("mask")
        mean_B1F = ops.expand_dims(self.mean(frames_BTF, mask=mask_BT), 1)
        if mask_BT is not None:
            mask_BT = ops.any(mask_BT, axis=1, keepdims=True)
        return super().call({"frames": mean_B1F, "mask": mask_BT}, training=training)

    def pool(self, frames: Tensor, mask: Tensor, training: bool) -> tuple[Tensor, dict[str, Tensor]]:
        return frames, {}
