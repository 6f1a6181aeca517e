"""Letters: B batch, T frames, D width, K clusters."""

from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.frame_pooling import FramePooling
from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.affine import affine_product


@keras.saving.register_keras_serializable(package="yt8m_attention")
class DeepBagOfFrames(MaskedLayer):
    """Projects each frame onto K learned clusters by relu(BN(x W)), then pools over the frames.

    Source: Abu-El-Haija et al. 2016, section 3.2 ("deep bag of frames").

    Args:
      num_clusters: K.
      pooling: see FramePooling.

    Call: frames [B, T, D]; scale and shift, float32 [D], of a batch norm to apply to the frames, or both None;
      mask bool [B, T], true where a frame exists, or None for all.
    Returns: [B, K] in the layer's compute dtype; 0 for a bag without frames.
    """

    def __init__(self, num_clusters: int, pooling: str = "max", **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)  # scale and kernel are multiplied before rounding
        self.num_clusters = num_clusters
        self.cluster_norm = MaskedBatchNormalization(dtype=self.dtype_policy, name="cluster_norm")
        self.pooling = FramePooling(pooling, dtype=self.dtype_policy, name="pooling")

    def build(self, input_shape: tuple[Any, ...], *_: Any) -> None:
        shape = (input_shape[-1], self.num_clusters)
        initializer = keras.initializers.RandomNormal(stddev=input_shape[-1] ** -0.5)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=initializer, autocast=False)
        self.cluster_norm.build((*input_shape[:-1], self.num_clusters))

    def call(
        self,
        frames_BTD: Tensor,
        scale_D: Tensor | None = None,
        shift_D: Tensor | None = None,
        mask: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        clusters_BTK = affine_product(frames_BTD, self.kernel, scale_D, shift_D, self.compute_dtype)
        clusters_BTK = ops.relu(self.cluster_norm(clusters_BTK, mask=mask, training=training))
        return self.pooling(clusters_BTK, mask=mask)

    def compute_output_spec(
        self,
        frames_BTD: Tensor,
        scale_D: Tensor | None = None,
        shift_D: Tensor | None = None,
        mask: Tensor | None = None,
        training: bool = False,
    ) -> keras.KerasTensor:
        return keras.KerasTensor((frames_BTD.shape[0], self.num_clusters), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"num_clusters": self.num_clusters, "pooling": self.pooling.pooling}
