"""Letters: B batch, T frames, F features."""

import keras
from keras import ops

from yt8m_attention.layers.masked_layer import MaskedLayer

# Below this squared length a frame counts as this long, so that a frame of zeros stays zero.
LEAST_SQUARED_LENGTH = 1e-12


@keras.saving.register_keras_serializable(package="yt8m_attention")
class FrameL2Normalization(MaskedLayer):
    """Each frame divided by its Euclidean length over all streams together.

    Call: frames [B, T, F]; mask bool [B, T], true where a frame exists, or None for all.
    Returns: float32 [B, T, F]. Frames that the mask excludes become zero whatever they held, so nothing that a
    pipeline left in its padding can reach the layers behind. A frame of zeros stays zero.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, frames_BTF, mask=None):
        frames_BTF = ops.cast(frames_BTF, "float32")
        if mask is not None:
            frames_BTF = ops.where(ops.expand_dims(mask, -1), frames_BTF, 0.0)
        squared_BT1 = ops.sum(ops.square(frames_BTF), axis=-1, keepdims=True)
        return frames_BTF * ops.rsqrt(ops.maximum(squared_BT1, LEAST_SQUARED_LENGTH))

    def compute_output_spec(self, frames_BTF, mask=None):
        return keras.KerasTensor(frames_BTF.shape, dtype="float32")
