"""Letters: B batch, T frames, D width, N filters of all widths together."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.ops.masked import zero_masked
from yt8m_attention.ops.max_over_time import max_over_time
from yt8m_attention.ops.normalize import l2_normalize


@keras.saving.register_keras_serializable(package="yt8m_attention")
class FrameConvolution(MaskedLayer):
    """Convolves over time with filters of several widths and keeps each filter's largest response.

    The maxima over the frames of all widths are concatenated and l2-normalised.
    Source: Kim 2014, as used in arXiv 1911.06866.

    A bag is zero-padded: a filter of width W at frame t sees (W - 1) // 2 frames before t and W // 2 after it.

    All filters of a width are one matrix product. On a CPU, TensorFlow's gradient of a convolution takes several times
    as long (docs/performance.md).

    Args:
      widths: numbers of frames that a filter sees, distinct.
      filters: number of filters of each width.

    Call: frames [B, T, D], in order of time; scale and shift, float32 [D], of a batch norm to apply to the frames, or
      both None; mask bool [B, T], true where a frame exists, or None for all.
    Returns: [B, N] in the layer's compute dtype, of length 1; 0 for a bag without frames.
    """

    def __init__(self, widths: Sequence[int], filters: Sequence[int], **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)  # scale and kernel are multiplied before rounding
        self.widths, self.filters = tuple(widths), tuple(filters)

    def build(self, input_shape: tuple[Any, ...], *_: Any) -> None:
        size, kernel = input_shape[-1], {"initializer": "glorot_uniform", "autocast": False}
        self.kernels = [
            self.add_weight(name=f"kernel_{width}", shape=(width, size, n), **kernel)
            for width, n in zip(self.widths, self.filters, strict=True)
        ]
        bias = {"initializer": "zeros", "autocast": False}
        self.bias = self.add_weight(name="bias", shape=(sum(self.filters),), **bias)

    def call(
        self,
        frames_BTD: Tensor,
        scale_D: Tensor | None = None,
        shift_D: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        if mask is None:
            mask = ops.ones(ops.shape(frames_BTD)[:2], dtype="bool")
        frames_BTD = zero_masked(ops.cast(frames_BTD, self.compute_dtype), mask)
        kernels = [ops.convert_to_tensor(kernel) for kernel in self.kernels]
        if scale_D is not None:
            # What the shift adds to a response depends on how many of the seen frames exist. So it becomes the kernel
            # of an extra feature, which is 1 in every frame. Then no frame needs a gradient.
            exists_BT1 = ops.expand_dims(ops.cast(mask, self.compute_dtype), -1)
            frames_BTD = ops.concatenate([frames_BTD, exists_BT1], axis=-1)
            kernels = [_fold(kernel, scale_D, shift_D) for kernel in kernels]
        largest = [max_over_time(frames_BTD, ops.cast(kernel, self.compute_dtype), mask) for kernel in kernels]
        # A filter's bias is the same at every frame, so it is added after the maximum.
        response_BN = ops.concatenate(largest, axis=-1) + ops.cast(self.bias, self.compute_dtype)
        response_BN = ops.where(ops.any(mask, axis=1, keepdims=True), response_BN, ops.zeros_like(response_BN))
        return ops.cast(l2_normalize(response_BN), self.compute_dtype)

    def compute_output_spec(
        self,
        frames_BTD: Tensor,
        scale_D: Tensor | None = None,
        shift_D: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> keras.KerasTensor:
        return keras.KerasTensor((frames_BTD.shape[0], sum(self.filters)), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"widths": list(self.widths), "filters": list(self.filters)}


def _fold(kernel_WDN, scale_D, shift_D):
    """Folds scale and shift into a kernel [W, D, N]: returns the kernel [W, D + 1, N] for [x, 1]."""
    shifted_W1N = ops.matmul(ops.expand_dims(shift_D, 0), kernel_WDN)
    return ops.concatenate([ops.expand_dims(scale_D, -1) * kernel_WDN, shifted_W1N], axis=1)
