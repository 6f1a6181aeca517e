"""Pooling without weights: the baseline for attention."""

from typing import Any

import keras
from keras import ops

from yt8m_attention import config as configs
from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.frame_pooling import FramePooling
from yt8m_attention.models.frame_level import FrameLevelModel


@keras.saving.register_keras_serializable(package="yt8m_attention")
class FramePoolingModel(FrameLevelModel):
    """Pools the normalised frames by their mean, their maximum or the last frame (`pooling`).

    With the mean, a logistic classifier, no hidden layer and no gating, it is the starter code's frame-level logistic
    model (Abu-El-Haija et al. 2016, section 3.1).
    """

    def __init__(self, config: configs.Model, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.pooling = FramePooling(config.pooling, name="pooling")

    def pool(self, frames: Tensor, mask: Tensor, training: bool) -> tuple[Tensor, dict[str, Tensor]]:
        return ops.expand_dims(self.pooling(frames, mask=mask), 1), {}
