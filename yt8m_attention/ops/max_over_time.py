"""Convolution over time followed by the maximum over time, in one operation.

Letters: B bags, T frames, D width, W frames that a filter sees (its width), N filters.
"""

import keras
from keras import ops

from yt8m_attention.aliases import Tensor

# On a CPU, the kernel's gradient is gathered for bags of more frames than this. For shorter bags, and on a device with
# fast products, one product with a mostly zero array costs less than the memory traffic of gathering.
GATHERED_FROM = 64
# Filters gathered at a time: what they see, 9 MB for 128 bags at D = 1152, should stay in the cache.
CHUNK = 16


def max_over_time(frames: Tensor, kernel: Tensor, mask: Tensor) -> Tensor:
    """Returns each filter's largest response over the frames of a bag.

    The bag is zero-padded: a filter at frame t sees (W - 1) // 2 frames before t and W // 2 after it.

    Only a filter's largest response has a gradient (the first of equal ones). So the kernel's gradient is a sum over
    B positions instead of B T, and no array [B, T, N] is kept for the backward pass.

    Args:
      frames: [B, T, D], floating point, 0 where the mask is false.
      kernel: [W, D, N], in the dtype of frames.
      mask: bool [B, T], true where a frame exists; other positions have no response.

    Returns:
      [B, N] in the dtype of frames; 0, with gradient 0, for a bag without frames.
    """

    @ops.custom_gradient
    def largest_response(frames, kernel):
        responses = ops.matmul(_seen(frames, kernel.shape[0]), ops.reshape(kernel, (-1, kernel.shape[-1])))
        responses = ops.where(ops.expand_dims(mask, -1), responses, ops.cast(float("-inf"), responses.dtype))
        largest = ops.max(responses, axis=1)
        position = _first(ops.equal(responses, ops.expand_dims(largest, 1)))

        def gradient(upstream):
            return _gradients(frames, kernel, position, upstream)

        return largest, gradient

    largest = largest_response(ops.convert_to_tensor(frames), ops.convert_to_tensor(kernel))
    return ops.where(ops.any(mask, axis=1, keepdims=True), largest, ops.zeros_like(largest))


def _seen(frames, width):
    """Returns the frames that a filter sees at each frame, side by side: [B, T, W D]."""
    length = ops.shape(frames)[1]
    padded = _padded(frames, width)
    return ops.concatenate([padded[:, first : first + length] for first in range(width)], axis=-1)


def _padded(frames, width):
    return ops.pad(frames, ((0, 0), ((width - 1) // 2, width // 2), (0, 0)))


def _first(is_largest):
    """Returns the first true frame: bool [B, T, N] -> int32 [B, N]; the last frame if none is true."""
    length = ops.shape(is_largest)[1]
    remaining = ops.expand_dims(length - ops.arange(length, dtype="int32"), -1)
    return length - ops.max(ops.where(is_largest, remaining, 1), axis=1)


def _gradients(frames, kernel, position, upstream):
    """Returns the gradients of frames [B, T, D] and kernel [W, D, N]; position and upstream are [B, N]."""
    width, size, count = kernel.shape
    length = ops.shape(frames)[1]

    def of_responses():
        """Returns [B, T, N], 0 except at the largest response."""
        at_position = ops.equal(ops.expand_dims(ops.arange(length, dtype="int32"), -1), ops.expand_dims(position, 1))
        return ops.where(at_position, ops.expand_dims(upstream, 1), ops.cast(0, upstream.dtype))

    def by_product():
        seen = ops.reshape(_seen(frames, width), (-1, width * size))
        return ops.matmul(ops.transpose(seen), ops.reshape(of_responses(), (-1, count)))

    def by_gathering():
        return ops.reshape(_gathered(_padded(frames, width), position, upstream, width), (width * size, count))

    gathers = keras.distribution.list_devices()[0].startswith("cpu")
    of_kernel = ops.cond(length > GATHERED_FROM, by_gathering, by_product) if gathers else by_product()
    # A compiled step drops this when no layer before the frames is trained.
    of_seen = ops.matmul(of_responses(), ops.transpose(ops.reshape(kernel, (-1, count))))
    return _sum_seen(of_seen, width), ops.reshape(of_kernel, kernel.shape)


def _sum_seen(seen, width):
    """Transpose of _seen: [B, T, W D] -> [B, T, D], sums the copies of each frame."""
    length = ops.shape(seen)[1]
    parts = [
        ops.pad(part, ((0, 0), (offset, width - 1 - offset), (0, 0)))
        for offset, part in enumerate(ops.split(seen, width, axis=-1))
    ]
    first = (width - 1) // 2
    return sum(parts)[:, first : first + length]


def _gathered(padded, position, upstream, width):
    """Gathers what each filter sees at its positions, times upstream, summed over the bags: [W, D, N].

    Args: padded [B, T + W - 1, D], the zero-padded frames; position and upstream [B, N].
    """
    bags, length = ops.shape(padded)[:2]
    size = padded.shape[-1]
    rows = ops.reshape(padded, (-1, size))
    count = position.shape[-1]

    def chunked(x):
        """Reshapes [B, N] to [N / CHUNK, CHUNK, B], with zeros after the last filter."""
        x = ops.pad(ops.transpose(x), ((0, -count % CHUNK), (0, 0)))
        return ops.reshape(x, (-1, CHUNK, bags))

    def sum_of(chunk):
        first, factor = chunk
        seen = [ops.cast(ops.take(rows, first + offset, axis=0), "float32") for offset in range(width)]
        return ops.stack([ops.matmul(ops.expand_dims(factor, 1), x)[:, 0] for x in seen])  # [W, CHUNK, D]

    first = position + ops.expand_dims(ops.arange(bags, dtype="int32") * length, -1)
    sums = ops.map(sum_of, (chunked(first), chunked(ops.cast(upstream, "float32"))))
    sums = ops.reshape(ops.transpose(sums, (1, 3, 0, 2)), (width, size, -1))
    return ops.cast(sums[..., :count], upstream.dtype)
