"""The attention network with a single head."""

import dataclasses
from typing import Any

import keras

from yt8m_attention import config as configs
from yt8m_attention.models.multi_attention import MultiAttention


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Attention(MultiAttention):
    """The multi-attention network with one head; it ignores `num_heads` (arXiv 1911.06866, section 3)."""

    def __init__(self, config: configs.Model, **kwargs: Any) -> None:
        super().__init__(dataclasses.replace(config, num_heads=1), **kwargs)
