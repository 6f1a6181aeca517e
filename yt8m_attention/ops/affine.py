"""The product of normalised frames and a kernel, without the normalised frames. Letters: D width, N columns."""

from keras import ops


def affine_product(x, kernel, scale, shift, dtype):
    """(x * scale + shift) times kernel: the scale goes into the kernel, the shift through it.

    So that neither an array of x's size is made nor, where x is data, one needs a gradient.

    Args:
      x: [..., D], floating point.
      kernel: float32 [D, N].
      scale, shift: float32 [D], as MaskedBatchNormalization.scale_and_shift gives them; both None: x as it is.
      dtype: of the product's factors; sums are float32 where there is a shift.

    Returns:
      [..., N], in dtype, or float32 where there is a shift.
    """
    x, kernel = ops.cast(x, dtype), ops.convert_to_tensor(kernel)
    if scale is None:
        return ops.matmul(x, ops.cast(kernel, dtype))
    product = ops.matmul(x, ops.cast(ops.expand_dims(scale, -1) * kernel, dtype))
    # In float32, as a batch norm behind it may subtract most of the shift again.
    return ops.cast(product, "float32") + ops.matmul(shift, kernel)
