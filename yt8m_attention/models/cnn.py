"""Convolution over time."""

from typing import Any

import keras
from keras import ops

from yt8m_attention import config as configs
from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.frame_convolution import FrameConvolution
from yt8m_attention.models.frame_level import FrameLevelModel


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Cnn(FrameLevelModel):
    """Keeps the largest response over time of filters of several widths (arXiv 1911.06866, section 4)."""

    hidden_stddev = 0.125  # the pooled vector has length one, as NetVLAD's

    def __init__(self, config: configs.Model, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.convolution = FrameConvolution(config.cnn_filter_widths, config.cnn_filters, name="convolution")

    def normalise_and_pool(self, frames: Tensor, mask: Tensor, training: bool) -> tuple[Tensor, dict[str, Tensor]]:
        """Folds the input batch norm into the filters, so no array of the frames' size needs a gradient."""
        normalised = self.input_norm.scale_and_shift(frames, mask=mask, training=training)
        return ops.expand_dims(self.convolution(*normalised, mask=mask), 1), {}
