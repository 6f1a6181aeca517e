"""Letters: B batch, T frames, F features, D a stream's width, C its reduced width, M heads."""

from typing import Any

import keras
from keras import ops

from yt8m_attention import config as configs
from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.attention_pooling import AttentionPooling
from yt8m_attention.layers.gated_attention import GatedAttention
from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.models.frame_level import FrameLevelModel
from yt8m_attention.models.streams import split_streams
from yt8m_attention.ops.affine import affine_product


@keras.saving.register_keras_serializable(package="yt8m_attention")
class MultiAttention(FrameLevelModel):
    """The multi-attention network (arXiv 1911.06866): M attention heads, and each class's maximum over the heads.

    For each stream: reduce D -> C (no bias), batch norm, gated attention, and the attention-weighted sum of the
    normalised *input* frames, of width D. The heads differ only in their attention; all later layers are shared.

    Returns `attention`, float32 [B, T, M], the mean over the streams, beside `probabilities`, and each stream's
    attention as `attention_<name>`.
    """

    def __init__(self, config: configs.Model, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        features = config.features
        widths = config.attention_sizes or [max(64, size // 4) for size in features.sizes]
        self.streams = [
            AttentionStream(width, config.num_heads, config.attention_normalizer, name=f"{name}_stream")
            for name, width in zip(features.names, widths, strict=True)
        ]

    def normalise_and_pool(self, frames: Tensor, mask: Tensor, training: bool) -> tuple[Tensor, dict[str, Tensor]]:
        """Folds the input batch norm into the streams, which saves several passes over the frames.

        y = scale * x + shift becomes a scaled kernel in the reduction. Pooling applies it unchanged, because its
        weights sum to one.
        """
        features = self.config.features
        normalised = self.input_norm.scale_and_shift(frames, mask=mask, training=training)
        streams = zip(self.streams, features.names, *(split_streams(x, features) for x in normalised), strict=True)
        pooled, attention = [], {}
        for stream, name, frames_BTD, scale_D, shift_D in streams:
            pooled_BMD, attention[f"attention_{name}"] = stream(
                frames_BTD, scale_D, shift_D, mask=mask, training=training
            )
            pooled.append(pooled_BMD)
        attention["attention"] = sum(attention.values()) / len(pooled)
        return ops.concatenate(pooled, axis=-1), attention


@keras.saving.register_keras_serializable(package="yt8m_attention")
class AttentionStream(MaskedLayer):
    """Computes the attention of one stream and pools the stream's frames by it.

    Args:
      width: C; V and U of the gated attention have half this width.
      num_heads: M.
      normalizer: see GatedAttention.

    Call: frames [B, T, D]; scale and shift, float32 [D], of the batch norm to apply to the frames; mask bool [B, T].
    Returns: (pooled [B, M, D], attention float32 [B, T, M]).
    """

    def __init__(self, width: int, num_heads: int, normalizer: str, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)  # scale and kernel are multiplied before rounding
        self.width, self.num_heads, self.normalizer = width, num_heads, normalizer
        policy = {"dtype": self.dtype_policy}
        self.reduce = keras.layers.Dense(width, use_bias=False, name="reduce", **policy)
        self.reduce_norm = MaskedBatchNormalization(name="reduce_norm", **policy)
        self.attention = GatedAttention(num_heads, width // 2, normalizer, name="attention", **policy)
        self.pooling = AttentionPooling(name="pooling", **policy)

    def build(self, input_shape: tuple[Any, ...], *_: Any) -> None:
        self.reduce.build(input_shape)
        reduced = (*input_shape[:-1], self.width)
        self.reduce_norm.build(reduced)
        self.attention.build(reduced)

    def call(
        self, frames_BTD: Tensor, scale_D: Tensor, shift_D: Tensor, mask: Tensor | None = None, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        reduced_BTC = affine_product(frames_BTD, self.reduce.kernel, scale_D, shift_D, self.compute_dtype)
        reduced_BTC = self.reduce_norm(reduced_BTC, mask=mask, training=training)
        attention_BTM = self.attention(reduced_BTC, mask=mask)
        pooled_BMD = ops.cast(self.pooling(frames_BTD, attention_BTM), "float32")
        total_BM1 = ops.expand_dims(ops.sum(attention_BTM, axis=1), -1)  # 1; 0 for a bag without frames
        return ops.cast(pooled_BMD * scale_D + total_BM1 * shift_D, self.compute_dtype), attention_BTM

    def get_config(self) -> dict[str, Any]:
        own = {"width": self.width, "num_heads": self.num_heads, "normalizer": self.normalizer}
        return super().get_config() | own
