"""Letters: B batch, T frames, F features, M members, V classes."""

from typing import Any

import keras
from keras import ops

from yt8m_attention import config as configs
from yt8m_attention.aliases import Batch, Tensor
from yt8m_attention.layers.dequantize import Dequantize
from yt8m_attention.layers.frame_l2_normalization import FrameL2Normalization
from yt8m_attention.layers.frame_pooling import FramePooling
from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.losses.mutual_distillation import mutual_distillation
from yt8m_attention.models.network import Network
from yt8m_attention.models.nextvlad import NextVladModel

TEMPERATURE = 3.0
# Probabilities are clipped to this distance from 0 and 1, because float32 has few digits left there.
MARGIN = 1e-6


@keras.saving.register_keras_serializable(package="yt8m_attention")
class MixNextVlad(Network):
    """Mixes `mix_number` NeXtVLAD networks, which learn from each other in training.

    The prediction is the sigmoid of the members' weighted logits. The weights, one per member, are
    softmax(BN(mean frame) W + b). In training, `model.losses` also holds the members' distance from the mixture
    (losses.mutual_distillation). Source: Lin, Xiao & Fan 2018, section 3.3.

    Call: as FrameLevelModel.
    Returns: as FrameLevelModel, and `member_probabilities`, float32 [B, M, V]. In training, the labels are the targets
      of each member and of the mixture.
    """

    def __init__(self, config: configs.Model, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(config, name=name, **kwargs)
        self.dequantize = Dequantize(name="dequantize")
        self.l2_norm = FrameL2Normalization(name="l2_norm")
        self.mean = FramePooling("mean", dtype="float32", name="mean")
        self.mean_norm = MaskedBatchNormalization(dtype="float32", name="mean_norm")
        self.shares = keras.layers.Dense(config.mix_number, activation="softmax", dtype="float32", name="shares")
        self.members = [self._member(f"member_{m}") for m in range(config.mix_number)]

    def _member(self, name):
        with keras.name_scope(name):  # without it, the random states of the members' noise have equal names
            return NextVladModel(self.config, name=name)

    def call(self, inputs: Batch, training: bool = False) -> dict[str, Tensor]:
        frames_BTF, mask_BT = inputs["frames"], inputs.get("mask")
        if mask_BT is None:
            mask_BT = ops.ones(ops.shape(frames_BTF)[:2], dtype="bool")
        has_frames_B = ops.any(mask_BT, axis=1)
        frames_BTF = self.l2_norm(self.dequantize(frames_BTF), mask=mask_BT)
        mean_BF = self.mean(frames_BTF, mask=mask_BT)
        weights_BM = self.shares(self.mean_norm(mean_BF, mask=has_frames_B, training=training))
        bags = {"frames": frames_BTF, "mask": mask_BT}
        probabilities = [member(bags, training=training)["probabilities"] for member in self.members]
        members_BMV = ops.stack(probabilities, axis=1)
        logits_BMV = logit(members_BMV)
        mixture_BV = ops.sum(ops.expand_dims(weights_BM, -1) * logits_BMV, axis=1)
        if training:
            self.add_loss(mutual_distillation(logits_BMV, mixture_BV, TEMPERATURE, has_frames_B))
        return {"probabilities": ops.sigmoid(mixture_BV), "member_probabilities": members_BMV}


def logit(probabilities: Tensor) -> Tensor:
    """Returns the inverse of sigmoid, for probabilities clipped to MARGIN from 0 and 1."""
    p = ops.clip(probabilities, MARGIN, 1.0 - MARGIN)
    return ops.log(p) - ops.log(1.0 - p)
