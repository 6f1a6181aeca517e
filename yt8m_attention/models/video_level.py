"""Letters: B batch, T frames, F features."""

import keras
from keras import ops

from yt8m_attention.layers.frame_pooling import FramePooling
from yt8m_attention.models.frame_level import FrameLevelModel


@keras.saving.register_keras_serializable(package="yt8m_attention")
class VideoLevel(FrameLevelModel):
    """A classifier of one vector, the mean of the bag's frames as they were stored: the starter code's video-level
    models, logistic regression and mixture of experts (Abu-El-Haija et al. 2016, section 4).

    A video-level record's `mean_rgb` and `mean_audio` are that mean already, a bag of one frame. So the same network
    trains on either kind of file, and scores segments: theirs is the mean of the segment's frames. The mean is
    l2-normalised and batch-normalised like a frame. (`frame_pooling` normalises each frame and averages afterwards.)
    """

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.mean = FramePooling("mean", dtype="float32", name="mean")

    def call(self, inputs, training=False):
        frames_BTF, mask_BT = self.dequantize(inputs["frames"]), inputs.get("mask")
        mean_B1F = ops.expand_dims(self.mean(frames_BTF, mask=mask_BT), 1)
        if mask_BT is not None:
            mask_BT = ops.any(mask_BT, axis=1, keepdims=True)
        return super().call({"frames": mean_B1F, "mask": mask_BT}, training=training)

    def pool(self, frames, mask, training):
        return frames, {}
