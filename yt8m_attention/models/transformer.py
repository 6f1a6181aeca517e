"""Transformer encoder."""

from typing import Any

import keras
from keras import ops

from yt8m_attention import config as configs
from yt8m_attention.aliases import Tensor
from yt8m_attention.errors import UserError
from yt8m_attention.layers.frame_pooling import FramePooling
from yt8m_attention.layers.transformer_block import TransformerBlock
from yt8m_attention.models.frame_level import FrameLevelModel


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Transformer(FrameLevelModel):
    """Projects frames to `hidden_size`, applies `transformer_layers` blocks and a layer norm, then pools (`pooling`).

    Source: the encoder of Vaswani et al. 2017. There is no position encoding. A bag is a sample of the video in phase 1
    and a segment's neighbouring frames in phase 2, so positions would change their meaning between the phases.
    """

    def __init__(self, config: configs.Model, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        heads = config.transformer_heads
        if config.hidden_size % heads:
            raise UserError(
                f"--transformer_heads: found {heads}, wanted a divisor of --hidden_size={config.hidden_size}"
            )
        self.projection = keras.layers.Dense(config.hidden_size, name="projection")
        self.blocks = [TransformerBlock(heads, name=f"block_{i}") for i in range(config.transformer_layers)]
        self.last_norm = keras.layers.LayerNormalization(name="last_norm")
        self.pooling = FramePooling(config.pooling, name="pooling")

    def pool(self, frames: Tensor, mask: Tensor, training: bool) -> tuple[Tensor, dict[str, Tensor]]:
        frames = self.projection(frames)
        for block in self.blocks:
            frames = block(frames, mask=mask)
        return ops.expand_dims(self.pooling(self.last_norm(frames), mask=mask), 1), {}
