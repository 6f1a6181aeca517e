"""Convolution over time."""

import keras
from keras import ops

from yt8m_attention.layers.frame_convolution import FrameConvolution
from yt8m_attention.models.frame_level import FrameLevelModel


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Cnn(FrameLevelModel):
    """The strongest answer over time of filters of several widths (arXiv 1911.06866, section 4)."""

    hidden_stddev = 0.125  # the vector has length one, as NetVLAD's

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.convolution = FrameConvolution(config.cnn_filter_widths, config.cnn_filters, name="convolution")

    def normalise_and_pool(self, frames, mask, training):
        """The input batch norm is folded into the filters, so that no array of the frames' size needs a gradient."""
        line = self.input_norm.scale_and_shift(frames, mask=mask, training=training)
        return ops.expand_dims(self.convolution(*line, mask=mask), 1), {}
