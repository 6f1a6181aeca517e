"""What every network over frames shares: its way in and its way out.

Letters: B batch, T frames, F features, M vectors of a bag (heads), H hidden width, V classes.
"""

import keras
from keras import ops

from yt8m_attention import config as configs
from yt8m_attention.layers.context_gating import ContextGating
from yt8m_attention.layers.dequantize import Dequantize
from yt8m_attention.layers.frame_l2_normalization import FrameL2Normalization
from yt8m_attention.layers.gaussian_noise import GaussianNoise
from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.models.classifiers import build_classifier


class FrameLevelModel(keras.Model):
    """Bags of frames to probabilities; a network fills in `pool`.

    In:  bytes -> values -> l2 norm over all streams -> noise (training only) -> batch norm
         -> `pool`: bags to M vectors each ->
    out: linear (no bias) -> batch norm -> context gating -> classifier -> maximum over the M answers.

    Call: a dict of `frames`, uint8 or float [B, T, F], and, unless every frame is real, `mask`, bool [B, T]. Frames
      off the mask change nothing, neither answers nor statistics. A bag without frames has a finite answer of no
      meaning and counts in no statistics.
    Returns: a dict of `probabilities`, float32 [B, V], and what `pool` names.

    Losses: `model.losses` holds the L2 penalties; add them to the loss.
    """

    def __init__(self, config, name=None, **kwargs):
        # Not cast by the model itself: values would lose bits before they are normalised.
        super().__init__(name=name or config.model, autocast=False, **kwargs)
        self.config = config
        self.dequantize = Dequantize(name="dequantize")
        self.l2_norm = FrameL2Normalization(name="l2_norm")
        self.noise = GaussianNoise(config.input_noise, name="noise")
        self.input_norm = MaskedBatchNormalization(name="input_norm")
        self.hidden = keras.layers.Dense(config.hidden_size, use_bias=False, name="hidden")
        self.hidden_norm = MaskedBatchNormalization(name="hidden_norm")
        self.context_gating = ContextGating(name="context_gating") if config.context_gating else None
        self.classifier = build_classifier(config)

    def pool(self, frames, mask, training):
        """Frames [B, T, F], normalised, and mask bool [B, T] to (vectors [B, M, any], {name: what to return too})."""
        raise NotImplementedError

    def call(self, inputs, training=False):
        frames_BTF, mask_BT = inputs["frames"], inputs.get("mask")
        if mask_BT is None:
            mask_BT = ops.ones(ops.shape(frames_BTF)[:2], dtype="bool")
        frames_BTF = self.l2_norm(self.dequantize(frames_BTF), mask=mask_BT)
        frames_BTF = self.input_norm(self.noise(frames_BTF, training=training), mask=mask_BT, training=training)
        pooled, named = self.pool(frames_BTF, mask_BT, training)
        has_frames_BM = ops.broadcast_to(ops.any(mask_BT, axis=1, keepdims=True), ops.shape(pooled)[:2])
        probabilities_BMV = self.classify(pooled, has_frames_BM, training)
        return {"probabilities": ops.max(probabilities_BMV, axis=1), **named}

    def classify(self, pooled, mask_BM, training):
        """Pooled vectors [B, M, any] to probabilities, float32 [B, M, V]; the same weights for all M."""
        hidden_BMH = self.hidden_norm(self.hidden(pooled), mask=mask_BM, training=training)
        if self.context_gating is not None:
            hidden_BMH = self.context_gating(hidden_BMH, mask=mask_BM, training=training)
        return self.classifier(hidden_BMH, mask=mask_BM, training=training)

    def get_config(self):
        return {"config": configs.to_dict(self.config), "name": self.name, "dtype": self.dtype_policy.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        return cls(configs.from_dict(configs.Model, config.pop("config")), **config)
