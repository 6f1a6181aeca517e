"""Letters: B batch, T frames, D width, N filters of all widths together."""

import keras
from keras import ops

from yt8m_attention.layers.frame_pooling import FramePooling
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.masked import zero_masked
from yt8m_attention.ops.normalize import l2_normalize


@keras.saving.register_keras_serializable(package="yt8m_attention")
class FrameConvolution(MaskedLayer):
    """The strongest answer over time of filters that see one or several neighbouring frames.

    Convolutions over time, one for each width, their maximum over the frames, side by side, l2-normalised.
    Source: Kim 2014, as used in arXiv 1911.06866.

    A bag is as if zeros stood before its first frame and behind its last: a filter of width W is placed at each frame
    and sees (W - 1) // 2 frames before it and W // 2 after it.

    Args:
      widths: frames that a filter sees, distinct.
      filters: the number of filters of each width.

    Call: frames [B, T, D], in order of time; mask bool [B, T], true where a frame exists, or None for all.
    Returns: [B, N] in the layer's compute type, of length 1; 0 for a bag without frames.
    """

    def __init__(self, widths, filters, **kwargs):
        super().__init__(**kwargs)
        self.widths, self.filters = tuple(widths), tuple(filters)
        self.convolutions = [
            keras.layers.Conv1D(count, width, padding="same", dtype=self.dtype_policy, name=f"width_{width}")
            for width, count in zip(self.widths, self.filters, strict=True)
        ]
        self.maximum = FramePooling("max", dtype=self.dtype_policy, name="maximum")

    def build(self, input_shape, *_):
        for convolution in self.convolutions:
            convolution.build(input_shape)

    def call(self, frames_BTD, mask=None):
        # A batch norm before this leaves padding anything but zero.
        frames_BTD = zero_masked(frames_BTD, mask)
        strongest = [self.maximum(convolution(frames_BTD), mask=mask) for convolution in self.convolutions]
        return ops.cast(l2_normalize(ops.concatenate(strongest, axis=-1)), self.compute_dtype)

    def compute_output_spec(self, frames_BTD, mask=None):
        return keras.KerasTensor((frames_BTD.shape[0], sum(self.filters)), dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | {"widths": list(self.widths), "filters": list(self.filters)}
