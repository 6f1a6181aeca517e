"""Base class of the networks over frames: input normalisation and classification.

Letters: B batch, T frames, F features, M vectors of a bag (heads), H hidden width, V classes.
"""

from typing import Any

import keras
from keras import ops

from yt8m_attention import config as configs
from yt8m_attention.aliases import Batch, Tensor
from yt8m_attention.layers.context_gating import ContextGating
from yt8m_attention.layers.dequantize import Dequantize
from yt8m_attention.layers.frame_l2_normalization import FrameL2Normalization
from yt8m_attention.layers.gaussian_noise import GaussianNoise
from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.models.classifiers import build_classifier
from yt8m_attention.models.network import Network


class FrameLevelModel(Network):
    """Computes class probabilities of bags of frames.

    A subclass implements `pool(frames, mask, training)`: it takes normalised frames [B, T, F] and mask bool [B, T] and
    returns (vectors [B, M, any], {name: further output}). A subclass that can fold the input batch norm implements
    `normalise_and_pool` instead, which gets the frames before that norm.

    Input:  bytes -> values -> l2 norm over all streams -> noise (training only) -> batch norm
            -> `pool`: each bag to M vectors ->
    output: linear (no bias) -> batch norm -> context gating -> classifier -> maximum over the M predictions.
    The configuration can leave out the linear layer with its batch norm, and the context gating.

    Call: a dict of `frames`, uint8 or float [B, T, F], and `mask`, bool [B, T]; without `mask`, every frame is real.
      Masked frames change neither predictions nor statistics. A bag without frames has a finite prediction without
      meaning and counts in no statistics.
    Returns: a dict of `probabilities`, float32 [B, V], and the further outputs of `pool`.

    Losses: `model.losses` holds the L2 penalties; add them to the loss.
    """

    # Standard deviation of the hidden layer's initial weights; None: Glorot, for vectors with a variance of one. A
    # pooled vector of length one needs larger weights, or its variance is below the next batch norm's epsilon, 1e-3.
    hidden_stddev: float | None = None

    def __init__(self, config: configs.Model, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(config, name=name, **kwargs)
        self.dequantize = Dequantize(name="dequantize")
        self.l2_norm = FrameL2Normalization(name="l2_norm")
        self.noise = GaussianNoise(config.input_noise, name="noise")
        self.input_norm = MaskedBatchNormalization(name="input_norm")
        self.hidden = None
        if config.hidden_layer:
            stddev = self.hidden_stddev
            initializer = keras.initializers.RandomNormal(stddev=stddev) if stddev else "glorot_uniform"
            self.hidden = keras.layers.Dense(
                config.hidden_size, use_bias=False, kernel_initializer=initializer, name="hidden"
            )
            self.hidden_norm = MaskedBatchNormalization(name="hidden_norm")
        self.context_gating = ContextGating(name="context_gating") if config.context_gating else None
        self.classifier = build_classifier(config)

    def normalise_and_pool(self, frames: Tensor, mask: Tensor, training: bool) -> tuple[Tensor, dict[str, Tensor]]:
        """Applies the input batch norm and `pool`. A subclass overrides this to fold the norm, which is faster."""
        return self.pool(self.input_norm(frames, mask=mask, training=training), mask, training)

    def call(self, inputs: Batch, training: bool = False) -> dict[str, Tensor]:
        frames_BTF, mask_BT = inputs["frames"], inputs.get("mask")
        if mask_BT is None:
            mask_BT = ops.ones(ops.shape(frames_BTF)[:2], dtype="bool")
        frames_BTF = self.l2_norm(self.dequantize(frames_BTF), mask=mask_BT)
        frames_BTF = self.noise(frames_BTF, training=training)
        pooled, outputs = self.normalise_and_pool(frames_BTF, mask_BT, training)
        has_frames_BM = ops.broadcast_to(ops.any(mask_BT, axis=1, keepdims=True), ops.shape(pooled)[:2])
        probabilities_BMV = self.classify(pooled, has_frames_BM, training)
        return {"probabilities": ops.max(probabilities_BMV, axis=1), **outputs}

    def classify(self, pooled: Tensor, mask_BM: Tensor, training: bool) -> Tensor:
        """Returns the probabilities, float32 [B, M, V], of pooled vectors [B, M, any]; all M share their weights."""
        if self.hidden is not None:
            pooled = self.hidden_norm(self.hidden(pooled), mask=mask_BM, training=training)
        if self.context_gating is not None:
            pooled = self.context_gating(pooled, mask=mask_BM, training=training)
        return self.classifier(pooled, mask=mask_BM, training=training)
