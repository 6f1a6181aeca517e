"""Letters: B batch, T frames, D width, N filters of all widths together."""

import keras
from keras import ops

from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.masked import zero_masked
from yt8m_attention.ops.max_over_time import max_over_time
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

    Call: frames [B, T, D], in order of time; scale and shift, float32 [D], of a batch norm that they are to be seen
      through, or neither; mask bool [B, T], true where a frame exists, or None for all.
    Returns: [B, N] in the layer's compute type, of length 1; 0 for a bag without frames.
    """

    def __init__(self, widths, filters, **kwargs):
        super().__init__(autocast=False, **kwargs)  # scale and kernel are multiplied before they are rounded
        self.widths, self.filters = tuple(widths), tuple(filters)

    def build(self, input_shape, *_):
        size, kernel = input_shape[-1], {"initializer": "glorot_uniform", "autocast": False}
        self.kernels = [
            self.add_weight(name=f"kernel_{width}", shape=(width, size, n), **kernel)
            for width, n in zip(self.widths, self.filters, strict=True)
        ]
        bias = {"initializer": "zeros", "autocast": False}
        self.bias = self.add_weight(name="bias", shape=(sum(self.filters),), **bias)

    def call(self, frames_BTD, scale_D=None, shift_D=None, mask=None):
        if mask is None:
            mask = ops.ones(ops.shape(frames_BTD)[:2], dtype="bool")
        frames_BTD = zero_masked(ops.cast(frames_BTD, self.compute_dtype), mask)
        kernels = [ops.convert_to_tensor(kernel) for kernel in self.kernels]
        if scale_D is not None:
            # What the shift adds to an answer depends on how many of the frames seen exist, so it is the kernel of one
            # more feature, 1 in every frame. No frame needs a gradient then.
            exists_BT1 = ops.expand_dims(ops.cast(mask, self.compute_dtype), -1)
            frames_BTD = ops.concatenate([frames_BTD, exists_BT1], axis=-1)
            kernels = [_fold(kernel, scale_D, shift_D) for kernel in kernels]
        strongest = [max_over_time(frames_BTD, ops.cast(kernel, self.compute_dtype), mask) for kernel in kernels]
        # A filter's bias is the same at every frame, so it can wait until only one is left.
        found_BN = ops.concatenate(strongest, axis=-1) + ops.cast(self.bias, self.compute_dtype)
        found_BN = ops.where(ops.any(mask, axis=1, keepdims=True), found_BN, ops.zeros_like(found_BN))
        return ops.cast(l2_normalize(found_BN), self.compute_dtype)

    def compute_output_spec(self, frames_BTD, scale_D=None, shift_D=None, mask=None):
        return keras.KerasTensor((frames_BTD.shape[0], sum(self.filters)), dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | {"widths": list(self.widths), "filters": list(self.filters)}


def _fold(kernel_WDN, scale_D, shift_D):
    """The kernel for frames x and a one as that for x * scale + shift: [W, D + 1, N]."""
    shifted_W1N = ops.matmul(ops.expand_dims(shift_D, 0), kernel_WDN)
    return ops.concatenate([ops.expand_dims(scale_D, -1) * kernel_WDN, shifted_W1N], axis=1)
