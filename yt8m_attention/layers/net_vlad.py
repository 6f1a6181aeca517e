"""Letters: B batch, T frames, D width, K clusters."""

from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.masked import masked_softmax, zero_masked
from yt8m_attention.ops.normalize import l2_normalize


@keras.saving.register_keras_serializable(package="yt8m_attention")
class NetVLAD(MaskedLayer):
    """Sums the residuals of a bag's frames to each of K learned centres, by soft assignment.

    a = softmax over K of BN(x W); v_k = sum over the frames of a_k (x - c_k). Each v_k is l2-normalised
    (intra-normalisation), then their concatenation.

    Source: Arandjelovic et al. 2016, equation 4; the batch norm: Miech, Laptev & Sivic 2017.

    Args:
      num_clusters: K.

    Call: frames [B, T, D]; mask bool [B, T], true where a frame exists, or None for all.
    Returns: [B, K * D] in the layer's compute dtype, of length 1; 0 for a bag without frames.
    """

    def __init__(self, num_clusters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_clusters = num_clusters
        self.assignment_norm = MaskedBatchNormalization(dtype=self.dtype_policy, name="assignment_norm")

    def build(self, input_shape: tuple[Any, ...], *_: Any) -> None:
        width, clusters = input_shape[-1], self.num_clusters
        initializer = {"initializer": keras.initializers.RandomNormal(stddev=width**-0.5)}
        self.kernel = self.add_weight(name="kernel", shape=(width, clusters), **initializer)
        self.assignment_norm.build((*input_shape[:-1], clusters))
        initializer = {"initializer": keras.initializers.RandomNormal(stddev=width**-0.5)}
        self.centres = self.add_weight(name="centres", shape=(clusters, width), **initializer)

    def call(self, frames_BTD: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        logits_BTK = self.assignment_norm(ops.matmul(frames_BTD, self.kernel), mask=mask, training=training)
        assignment_BTK = zero_masked(masked_softmax(logits_BTK), mask)
        vlad_BKD = l2_normalize(residuals(frames_BTD, assignment_BTK, self.centres))
        vlad = ops.reshape(vlad_BKD, (-1, self.num_clusters * frames_BTD.shape[-1]))
        return ops.cast(l2_normalize(vlad), self.compute_dtype)

    def compute_output_spec(
        self, frames_BTD: Tensor, mask: Tensor | None = None, training: bool = False
    ) -> keras.KerasTensor:
        width = self.num_clusters * frames_BTD.shape[-1]
        return keras.KerasTensor((frames_BTD.shape[0], width), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"num_clusters": self.num_clusters}


def residuals(x_BND: Tensor, assignment_BNK: Tensor, centres_KD: Tensor) -> Tensor:
    """Sums assignment · (x - centre) over N: float32 [B, K, D]. Two products replace N · K differences."""
    sums_BKD = ops.cast(ops.matmul(ops.transpose(assignment_BNK, (0, 2, 1)), x_BND), "float32")
    weights_BK = ops.sum(ops.cast(assignment_BNK, "float32"), axis=1)
    return sums_BKD - ops.expand_dims(weights_BK, -1) * ops.cast(centres_KD, "float32")
