"""Deep bag of frames."""

from typing import Any

import keras
from keras import ops

from yt8m_attention import config as configs
from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.deep_bag_of_frames import DeepBagOfFrames
from yt8m_attention.models.frame_level import FrameLevelModel


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Dbof(FrameLevelModel):
    """Projects each frame onto learned clusters and pools over the frames (Abu-El-Haija et al. 2016, section 3.2)."""

    def __init__(self, config: configs.Model, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.bag = DeepBagOfFrames(config.dbof_cluster_size, config.pooling, name="bag")

    def normalise_and_pool(self, frames: Tensor, mask: Tensor, training: bool) -> tuple[Tensor, dict[str, Tensor]]:
        """Folds the input batch norm into the clusters, so no array of the frames' size needs a gradient."""
        normalised = self.input_norm.scale_and_shift(frames, mask=mask, training=training)
        return ops.expand_dims(self.bag(*normalised, mask=mask, training=training), 1), {}
