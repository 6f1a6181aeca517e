"""What every network over frames shares: its way in and its way out.

Letters: B batch, T frames, F features, M vectors of a bag (heads), H hidden width, V classes.
"""

import keras
from keras import ops

from yt8m_attention.layers.context_gating import ContextGating
from yt8m_attention.layers.dequantize import Dequantize
from yt8m_attention.layers.frame_l2_normalization import FrameL2Normalization
from yt8m_attention.layers.gaussian_noise import GaussianNoise
from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.models.classifiers import build_classifier
from yt8m_attention.models.network import Network


class FrameLevelModel(Network):
    """Bags of frames to probabilities.

    A network has `pool(frames, mask, training)`: frames [B, T, F], normalised, and mask bool [B, T] to (vectors
    [B, M, any], {name: what to return too}). Or, where the input batch norm can be folded into that, it has
    `normalise_and_pool` of its own, which gets the frames before that norm.

    In:  bytes -> values -> l2 norm over all streams -> noise (training only) -> batch norm
         -> `pool`: bags to M vectors each ->
    out: linear (no bias) -> batch norm -> context gating -> classifier -> maximum over the M answers.
    The configuration may leave out the linear layer and its batch norm, and the context gating.

    Call: a dict of `frames`, uint8 or float [B, T, F], and, unless every frame is real, `mask`, bool [B, T]. Frames
      off the mask change nothing, neither answers nor statistics. A bag without frames has a finite answer of no
      meaning and counts in no statistics.
    Returns: a dict of `probabilities`, float32 [B, V], and what `pool` names.

    Losses: `model.losses` holds the L2 penalties; add them to the loss.
    """

    # The spread of the hidden layer's first weights; None: Keras' own (Glorot), for vectors whose entries have a
    # variance of one. Networks that bring the pooled vector to length one need larger weights: otherwise the epsilon of
    # the batch norm that follows, 1e-3, outweighs what comes out of the layer.
    hidden_stddev = None

    def __init__(self, config, name=None, **kwargs):
        super().__init__(config, name=name, **kwargs)
        self.dequantize = Dequantize(name="dequantize")
        self.l2_norm = FrameL2Normalization(name="l2_norm")
        self.noise = GaussianNoise(config.input_noise, name="noise")
        self.input_norm = MaskedBatchNormalization(name="input_norm")
        self.hidden = None
        if config.hidden_layer:
            spread = self.hidden_stddev
            first = keras.initializers.RandomNormal(stddev=spread) if spread else "glorot_uniform"
            self.hidden = keras.layers.Dense(
                config.hidden_size, use_bias=False, kernel_initializer=first, name="hidden"
            )
            self.hidden_norm = MaskedBatchNormalization(name="hidden_norm")
        self.context_gating = ContextGating(name="context_gating") if config.context_gating else None
        self.classifier = build_classifier(config)

    def normalise_and_pool(self, frames, mask, training):
        """The input batch norm and `pool`, for a network to do both at once where that is faster."""
        return self.pool(self.input_norm(frames, mask=mask, training=training), mask, training)

    def call(self, inputs, training=False):
        frames_BTF, mask_BT = inputs["frames"], inputs.get("mask")
        if mask_BT is None:
            mask_BT = ops.ones(ops.shape(frames_BTF)[:2], dtype="bool")
        frames_BTF = self.l2_norm(self.dequantize(frames_BTF), mask=mask_BT)
        frames_BTF = self.noise(frames_BTF, training=training)
        pooled, named = self.normalise_and_pool(frames_BTF, mask_BT, training)
        has_frames_BM = ops.broadcast_to(ops.any(mask_BT, axis=1, keepdims=True), ops.shape(pooled)[:2])
        probabilities_BMV = self.classify(pooled, has_frames_BM, training)
        return {"probabilities": ops.max(probabilities_BMV, axis=1), **named}

    def classify(self, pooled, mask_BM, training):
        """Pooled vectors [B, M, any] to probabilities, float32 [B, M, V]; the same weights for all M."""
        if self.hidden is not None:
            pooled = self.hidden_norm(self.hidden(pooled), mask=mask_BM, training=training)
        if self.context_gating is not None:
            pooled = self.context_gating(pooled, mask=mask_BM, training=training)
        return self.classifier(pooled, mask=mask_BM, training=training)
