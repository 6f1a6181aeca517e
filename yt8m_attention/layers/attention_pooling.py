"""Letters: B batch, T frames, D width, M heads."""

import keras
from keras import ops

from yt8m_attention.aliases import Tensor


@keras.saving.register_keras_serializable(package="yt8m_attention")
class AttentionPooling(keras.layers.Layer):
    """Pools a bag's frames into one vector per head: their sum, weighted by the head's attention.

    Call: frames [B, T, D], finite on padding too; attention [B, T, M], 0 on padding.
    Returns: [B, M, D] in the layer's compute dtype.
    """

    def call(self, frames_BTD: Tensor, attention_BTM: Tensor) -> Tensor:
        return ops.matmul(ops.transpose(attention_BTM, (0, 2, 1)), frames_BTD)

    def compute_output_spec(self, frames_BTD: Tensor, attention_BTM: Tensor) -> keras.KerasTensor:
        shape = (frames_BTD.shape[0], attention_BTM.shape[-1], frames_BTD.shape[-1])
        return keras.KerasTensor(shape, dtype=self.compute_dtype)
