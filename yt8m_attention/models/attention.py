"""The attention network with a single head."""

import dataclasses

import keras

from yt8m_attention.models.multi_attention import MultiAttention


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Attention(MultiAttention):
    """The multi-attention network with one head, whatever `num_heads` says (arXiv 1911.06866, section 3)."""

    def __init__(self, config, **kwargs):
        super().__init__(dataclasses.replace(config, num_heads=1), **kwargs)
