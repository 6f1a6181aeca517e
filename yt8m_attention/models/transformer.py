"""Transformer encoder."""

import keras
from keras import ops

from yt8m_attention.errors import UserError
from yt8m_attention.layers.frame_pooling import FramePooling
from yt8m_attention.layers.transformer_block import TransformerBlock
from yt8m_attention.models.frame_level import FrameLevelModel


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Transformer(FrameLevelModel):
    """Frames brought to `hidden_size`, `transformer_layers` blocks of self-attention, a layer norm, and the mean.

    Source: the encoder of Vaswani et al. 2017. A frame does not carry its place in the bag: a bag is a sample of the
    video in phase 1 and a segment's neighbouring frames in phase 2, so what a place means would not carry over.
    """

    def __init__(self, config, **kwargs):
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

    def pool(self, frames, mask, training):
        frames = self.projection(frames)
        for block in self.blocks:
            frames = block(frames, mask=mask)
        return ops.expand_dims(self.pooling(self.last_norm(frames), mask=mask), 1), {}
