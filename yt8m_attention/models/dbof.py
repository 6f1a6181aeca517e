"""Deep bag of frames."""

import keras
from keras import ops

from yt8m_attention.layers.deep_bag_of_frames import DeepBagOfFrames
from yt8m_attention.models.frame_level import FrameLevelModel


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Dbof(FrameLevelModel):
    """Each frame against learned clusters, pooled over the frames (Abu-El-Haija et al. 2016, section 3.2)."""

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.bag = DeepBagOfFrames(config.dbof_cluster_size, config.pooling, name="bag")

    def normalise_and_pool(self, frames, mask, training):
        """The input batch norm is folded into the clusters, so that no array of the frames' size needs a gradient."""
        line = self.input_norm.scale_and_shift(frames, mask=mask, training=training)
        return ops.expand_dims(self.bag(*line, mask=mask, training=training), 1), {}
