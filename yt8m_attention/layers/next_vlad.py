"""Letters: B batch, T frames, D width, E expanded width, G groups, K clusters."""

from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.layers.net_vlad import residuals
from yt8m_attention.ops.masked import masked_softmax, zero_masked
from yt8m_attention.ops.normalize import l2_normalize


@keras.saving.register_keras_serializable(package="yt8m_attention")
class NeXtVLAD(MaskedLayer):
    """Applies NetVLAD to the parts of a frame, with a gate as the weight of each part; its output is narrower.

    A frame is expanded, D -> E, and cut into G parts of width E / G. A part's assignment to the K clusters is
    sigmoid(gate of the part) · softmax over K of BN(x W), both computed from the whole expanded frame. The G parts
    share their centres. Each cluster's residual is l2-normalised, and a batch norm follows.

    Source: Lin, Xiao & Fan 2018, equations 5 to 8.

    Args:
      num_clusters: K.
      groups: G; must divide E.
      expansion: E / D.

    Call: frames [B, T, D]; mask bool [B, T], true where a frame exists, or None for all.
    Returns: [B, K * E / G] in the layer's compute dtype. Bags without frames count in no statistics.
    """

    def __init__(self, num_clusters: int, groups: int = 8, expansion: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_clusters, self.groups, self.expansion = num_clusters, groups, expansion
        self.assignment_norm = MaskedBatchNormalization(dtype=self.dtype_policy, name="assignment_norm")
        self.vlad_norm = MaskedBatchNormalization(dtype=self.dtype_policy, name="vlad_norm")

    def build(self, input_shape: tuple[Any, ...], *_: Any) -> None:
        width, groups, clusters = input_shape[-1], self.groups, self.num_clusters
        expanded = width * self.expansion
        if expanded % groups:
            raise ValueError(f"groups: found {groups}, wanted a divisor of the expanded width {expanded}")
        self.part_width = expanded // groups
        glorot = {"initializer": "glorot_uniform"}
        self.expand_kernel = self.add_weight(name="expand_kernel", shape=(width, expanded), **glorot)
        self.expand_bias = self.add_weight(name="expand_bias", shape=(expanded,), initializer="zeros")
        self.gate_kernel = self.add_weight(name="gate_kernel", shape=(expanded, groups), **glorot)
        self.gate_bias = self.add_weight(name="gate_bias", shape=(groups,), initializer="zeros")
        self.kernel = self.add_weight(name="kernel", shape=(expanded, groups * clusters), **glorot)
        self.centres = self.add_weight(name="centres", shape=(clusters, self.part_width), **glorot)
        self.assignment_norm.build((*input_shape[:-1], groups * clusters))
        self.vlad_norm.build((input_shape[0], clusters * self.part_width))

    def call(self, frames_BTD: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        expanded_BTE = ops.matmul(frames_BTD, self.expand_kernel) + self.expand_bias
        assignment_BNK = self._assignment(expanded_BTE, mask, training)
        parts = ops.shape(expanded_BTE)[1] * self.groups  # N = T · G
        parts_BNP = ops.reshape(expanded_BTE, (-1, parts, self.part_width))
        vlad_BKP = l2_normalize(residuals(parts_BNP, assignment_BNK, self.centres))
        vlad = ops.reshape(vlad_BKP, (-1, self.num_clusters * self.part_width))
        has_frames = None if mask is None else ops.any(mask, axis=1)
        return self.vlad_norm(vlad, mask=has_frames, training=training)

    def _assignment(self, expanded_BTE, mask, training):
        """Returns the weight of each part of a frame in each cluster: [B, T * G, K], 0 for masked frames."""
        gates_BTG = ops.sigmoid(ops.matmul(expanded_BTE, self.gate_kernel) + self.gate_bias)
        logits = self.assignment_norm(ops.matmul(expanded_BTE, self.kernel), mask=mask, training=training)
        frames, clusters = ops.shape(expanded_BTE)[1], self.num_clusters
        logits_BTGK = ops.reshape(logits, (-1, frames, self.groups, clusters))
        assignment_BTGK = masked_softmax(logits_BTGK) * ops.expand_dims(gates_BTG, -1)
        return ops.reshape(zero_masked(assignment_BTGK, mask), (-1, frames * self.groups, clusters))

    def compute_output_spec(
        self, frames_BTD: Tensor, mask: Tensor | None = None, training: bool = False
    ) -> keras.KerasTensor:
        width = self.num_clusters * (frames_BTD.shape[-1] * self.expansion // self.groups)
        return keras.KerasTensor((frames_BTD.shape[0], width), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        own = {"num_clusters": self.num_clusters, "groups": self.groups, "expansion": self.expansion}
        return super().get_config() | own
