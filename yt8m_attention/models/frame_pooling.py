"""Pooling without weights, the baseline that attention is measured against."""

import keras
from keras import ops

from yt8m_attention.layers.frame_pooling import FramePooling
from yt8m_attention.models.frame_level import FrameLevelModel


@keras.saving.register_keras_serializable(package="yt8m_attention")
class FramePoolingModel(FrameLevelModel):
    """The mean of the normalised frames, or their maximum or the last of them (`pooling`), and what follows.

    With the mean, a logistic classifier and neither hidden layer nor gating it is the starter code's frame-level
    logistic model (Abu-El-Haija et al. 2016, section 3.1).
    """

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.pooling = FramePooling(config.pooling, name="pooling")

    def pool(self, frames, mask, training):
        return ops.expand_dims(self.pooling(frames, mask=mask), 1), {}
