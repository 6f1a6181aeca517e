"""NetVLAD."""

from typing import Any

import keras

from yt8m_attention import config as configs
from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.net_vlad import NetVLAD
from yt8m_attention.models.frame_level import FrameLevelModel
from yt8m_attention.models.streams import halved_after_first, pool_streams


@keras.saving.register_keras_serializable(package="yt8m_attention")
class NetVladModel(FrameLevelModel):
    """Sums residuals to learned centres, each stream by itself (Miech, Laptev & Sivic 2017).

    The first stream has `netvlad_cluster_size` centres, any other stream half as many.
    """

    hidden_stddev = 0.125  # as in the published network: one over the square root of its 64 clusters

    def __init__(self, config: configs.Model, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        features = config.features
        sizes = halved_after_first(config.netvlad_cluster_size, features)
        self.vlads = [NetVLAD(k, name=f"{name}_vlad") for name, k in zip(features.names, sizes, strict=True)]

    def pool(self, frames: Tensor, mask: Tensor, training: bool) -> tuple[Tensor, dict[str, Tensor]]:
        return pool_streams(self.vlads, self.config.features, frames, mask, training), {}
