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

    All filters of a width are one product with the frames that they see, side by side: on a CPU, TensorFlow's gradient
    of a convolution takes several times as long (docs/performance.md).

    Args:
      widths: frames that a filter sees, distinct.
      filters: the number of filters of each width.

    Call: frames [B, T, D], in order of time; mask bool [B, T], true where a frame exists, or None for all.
    Returns: [B, N] in the layer's compute type, of length 1; 0 for a bag without frames.
    """

    def __init__(self, widths, filters, **kwargs):
        super().__init__(**kwargs)
        self.widths, self.filters = tuple(widths), tuple(filters)
        self.maximum = FramePooling("max", dtype=self.dtype_policy, name="maximum")

    def build(self, input_shape, *_):
        self.kernels = [
            self.add_weight(name=f"kernel_{width}", shape=(width, input_shape[-1], n), initializer="glorot_uniform")
            for width, n in zip(self.widths, self.filters, strict=True)
        ]
        self.bias = self.add_weight(name="bias", shape=(sum(self.filters),), initializer="zeros")

    def call(self, frames_BTD, mask=None):
        # A batch norm before this leaves padding anything but zero.
        frames_BTD = zero_masked(frames_BTD, mask)
        strongest = [self.maximum(_convolve(frames_BTD, kernel), mask=mask) for kernel in self.kernels]
        # A filter's bias is the same at every frame, so it can wait until only one is left.
        found_BN = ops.concatenate(strongest, axis=-1) + self.bias
        if mask is not None:
            found_BN = ops.where(ops.any(mask, axis=1, keepdims=True), found_BN, ops.zeros_like(found_BN))
        return ops.cast(l2_normalize(found_BN), self.compute_dtype)

    def compute_output_spec(self, frames_BTD, mask=None):
        return keras.KerasTensor((frames_BTD.shape[0], sum(self.filters)), dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | {"widths": list(self.widths), "filters": list(self.filters)}


def _convolve(frames_BTD, kernel_WDN):
    """Each filter's answer at each frame, [B, T, N], zeros standing around the bag."""
    width, size, count = kernel_WDN.shape
    frames = ops.shape(frames_BTD)[1]
    padded = ops.pad(frames_BTD, ((0, 0), ((width - 1) // 2, width // 2), (0, 0)))
    seen = ops.concatenate([padded[:, first : first + frames] for first in range(width)], axis=-1)
    return ops.matmul(seen, ops.reshape(kernel_WDN, (width * size, count)))
