"""Matrix product of batch-normalised inputs, with the norm folded into the kernel. Letters: D width, N columns."""

from keras import ops

from yt8m_attention.aliases import Tensor


def affine_product(x: Tensor, kernel: Tensor, scale: Tensor | None, shift: Tensor | None, dtype: str) -> Tensor:
    """Returns matmul(x * scale + shift, kernel), computed as matmul(x, scale * kernel) + matmul(shift, kernel).

    This avoids an array of x's size and, when x is data, the gradient of one.

    Args:
      x: [..., D], floating point.
      kernel: float32 [D, N].
      scale, shift: float32 [D], as MaskedBatchNormalization.scale_and_shift returns them; both None: x unchanged.
      dtype: dtype of the factors; with a shift, sums are float32.

    Returns:
      [..., N], float32 with a shift, otherwise dtype.
    """
    x, kernel = ops.cast(x, dtype), ops.convert_to_tensor(kernel)
    if scale is None:
        return ops.matmul(x, ops.cast(kernel, dtype))
    product = ops.matmul(x, ops.cast(ops.expand_dims(scale, -1) * kernel, dtype))
    # In float32, because a following batch norm may subtract most of the shift again.
    return ops.cast(product, "float32") + ops.matmul(shift, kernel)
