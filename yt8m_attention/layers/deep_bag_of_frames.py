"""Letters: B batch, T frames, D width, K clusters."""

import keras
from keras import ops

from yt8m_attention.layers.frame_pooling import FramePooling
from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.affine import affine_product


@keras.saving.register_keras_serializable(package="yt8m_attention")
class DeepBagOfFrames(MaskedLayer):
    """How near a bag comes to each of K learned clusters: every frame through relu(BN(x W)), then pooled.

    Source: Abu-El-Haija et al. 2016, section 3.2 ("deep bag of frames").

    Args:
      num_clusters: K.
      pooling: as FramePooling's.

    Call: frames [B, T, D]; scale and shift, float32 [D], of a batch norm that they are to be seen through, or neither;
      mask bool [B, T], true where a frame exists, or None for all.
    Returns: [B, K] in the layer's compute type; 0 for a bag without frames.
    """

    def __init__(self, num_clusters, pooling="max", **kwargs):
        super().__init__(autocast=False, **kwargs)  # scale and kernel are multiplied before they are rounded
        self.num_clusters = num_clusters
        self.cluster_norm = MaskedBatchNormalization(dtype=self.dtype_policy, name="cluster_norm")
        self.pooling = FramePooling(pooling, dtype=self.dtype_policy, name="pooling")

    def build(self, input_shape, *_):
        shape = (input_shape[-1], self.num_clusters)
        initializer = keras.initializers.RandomNormal(stddev=input_shape[-1] ** -0.5)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=initializer, autocast=False)
        self.cluster_norm.build((*input_shape[:-1], self.num_clusters))

    def call(self, frames_BTD, scale_D=None, shift_D=None, mask=None, training=False):
        clusters_BTK = affine_product(frames_BTD, self.kernel, scale_D, shift_D, self.compute_dtype)
        clusters_BTK = ops.relu(self.cluster_norm(clusters_BTK, mask=mask, training=training))
        return self.pooling(clusters_BTK, mask=mask)

    def compute_output_spec(self, frames_BTD, scale_D=None, shift_D=None, mask=None, training=False):
        return keras.KerasTensor((frames_BTD.shape[0], self.num_clusters), dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | {"num_clusters": self.num_clusters, "pooling": self.pooling.pooling}
