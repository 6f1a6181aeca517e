"""NeXtVLAD."""

import keras

from yt8m_attention.errors import UserError
from yt8m_attention.layers.next_vlad import NeXtVLAD
from yt8m_attention.models.frame_level import FrameLevelModel
from yt8m_attention.models.streams import halved_after_first, pool_streams


@keras.saving.register_keras_serializable(package="yt8m_attention")
class NextVladModel(FrameLevelModel):
    """NetVLAD of parts of frames, each stream by itself (Lin, Xiao & Fan 2018): `nextvlad_cluster_size` clusters and
    `nextvlad_groups` parts for the first stream, half as many for any other.

    What follows is as in every network here: the source has its own gating, by a squeeze to an eighth of the width.
    """

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        features = config.features
        clusters = halved_after_first(config.nextvlad_cluster_size, features)
        groups = halved_after_first(config.nextvlad_groups, features)
        for size, parts in zip(features.sizes, groups, strict=True):
            if size * config.nextvlad_expansion % parts:
                raise UserError(
                    f"--nextvlad_groups: found {config.nextvlad_groups}, wanted a number (half of it from the second "
                    f"stream on) that divides --nextvlad_expansion={config.nextvlad_expansion} times {features.sizes}"
                )
        self.vlads = [
            NeXtVLAD(k, parts, config.nextvlad_expansion, name=f"{name}_vlad")
            for name, k, parts in zip(features.names, clusters, groups, strict=True)
        ]

    def pool(self, frames, mask, training):
        return pool_streams(self.vlads, self.config.features, frames, mask, training), {}
