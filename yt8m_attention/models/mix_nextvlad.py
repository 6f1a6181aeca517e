"""Letters: B batch, T frames, F features, M members, V classes."""

import keras
from keras import ops

from yt8m_attention.layers.dequantize import Dequantize
from yt8m_attention.layers.frame_l2_normalization import FrameL2Normalization
from yt8m_attention.layers.frame_pooling import FramePooling
from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.losses.mutual_distillation import mutual_distillation
from yt8m_attention.models.network import Network
from yt8m_attention.models.nextvlad import NextVladModel

TEMPERATURE = 3.0
# Probabilities nearer to 0 or 1 than this count as this near: float32 has few digits left there.
MARGIN = 1e-6


@keras.saving.register_keras_serializable(package="yt8m_attention")
class MixNextVlad(Network):
    """A mixture of `mix_number` NeXtVLAD networks that learn from each other while they train.

    The answer is the sigmoid of the members' logits, weighted by softmax(BN(mean frame) W + b), one weight a member.
    In training, `model.losses` also holds the members' distance from the mixture (losses.mutual_distillation).
    Source: Lin, Xiao & Fan 2018, section 3.3.

    Call: as FrameLevelModel.
    Returns: as FrameLevelModel, and `member_probabilities`, float32 [B, M, V]: in training the labels teach each member
      as well as the mixture.
    """

    def __init__(self, config, name=None, **kwargs):
        super().__init__(config, name=name, **kwargs)
        self.dequantize = Dequantize(name="dequantize")
        self.l2_norm = FrameL2Normalization(name="l2_norm")
        self.mean = FramePooling("mean", dtype="float32", name="mean")
        self.mean_norm = MaskedBatchNormalization(dtype="float32", name="mean_norm")
        self.shares = keras.layers.Dense(config.mix_number, activation="softmax", dtype="float32", name="shares")
        self.members = [self._member(f"member_{m}") for m in range(config.mix_number)]

    def _member(self, name):
        with keras.name_scope(name):  # the states of the members' noise bear their layers' names alone
            return NextVladModel(self.config, name=name)

    def call(self, inputs, training=False):
        frames_BTF, mask_BT = inputs["frames"], inputs.get("mask")
        if mask_BT is None:
            mask_BT = ops.ones(ops.shape(frames_BTF)[:2], dtype="bool")
        has_frames_B = ops.any(mask_BT, axis=1)
        frames_BTF = self.l2_norm(self.dequantize(frames_BTF), mask=mask_BT)
        mean_BF = self.mean(frames_BTF, mask=mask_BT)
        shares_BM = self.shares(self.mean_norm(mean_BF, mask=has_frames_B, training=training))
        bags = {"frames": frames_BTF, "mask": mask_BT}
        answers = [member(bags, training=training)["probabilities"] for member in self.members]
        answers_BMV = ops.stack(answers, axis=1)
        logits_BMV = logit(answers_BMV)
        mixture_BV = ops.sum(ops.expand_dims(shares_BM, -1) * logits_BMV, axis=1)
        if training:
            self.add_loss(mutual_distillation(logits_BMV, mixture_BV, TEMPERATURE, has_frames_B))
        return {"probabilities": ops.sigmoid(mixture_BV), "member_probabilities": answers_BMV}


def logit(probabilities):
    """The inverse of sigmoid, for probabilities that are at least MARGIN away from 0 and 1."""
    p = ops.clip(probabilities, MARGIN, 1.0 - MARGIN)
    return ops.log(p) - ops.log(1.0 - p)
