"""NeXtVLAD."""

from typing import Any

import keras

from yt8m_attention import config as configs
from yt8m_attention.aliases import Tensor
from yt8m_attention.errors import UserError
from yt8m_attention.layers.next_vlad import NeXtVLAD
from yt8m_attention.models.frame_level import FrameLevelModel
from yt8m_attention.models.streams import halved_after_first, pool_streams


@keras.saving.register_keras_serializable(package="yt8m_attention")
class NextVladModel(FrameLevelModel):
    """Applies NetVLAD to the parts of frames, each stream by itself (Lin, Xiao & Fan 2018).

    The first stream has `nextvlad_cluster_size` clusters and `nextvlad_groups` parts, any other stream half as many.
    The later layers are those of every network here. The source has another gating, which first reduces the width to
    an eighth.
    """

    def __init__(self, config: configs.Model, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        features = config.features
        clusters = halved_after_first(config.nextvlad_cluster_size, features)
        groups = halved_after_first(config.nextvlad_groups, features)
        for size, parts in zip(features.sizes, groups, strict=True):
            if size * config.nextvlad_expansion % parts:
                raise UserError(
                    f"--nextvlad_groups: found {config.nextvlad_groups}, wanted a number (halved from the second "
                    f"stream on) that divides --nextvlad_expansion={config.nextvlad_expansion} times {features.sizes}"
                )
        self.vlads = [
            NeXtVLAD(k, parts, config.nextvlad_expansion, name=f"{name}_vlad")
            for name, k, parts in zip(features.names, clusters, groups, strict=True)
        ]

    def pool(self, frames: Tensor, mask: Tensor, training: bool) -> tuple[Tensor, dict[str, Tensor]]:
        return pool_streams(self.vlads, self.config.features, frames, mask, training), {}
