"""Convolution over time of which only each filter's strongest answer is wanted.

Letters: B bags, T frames, D width, W frames that a filter sees, N filters.
"""

import keras
from keras import ops

# On a CPU, bags of more frames than this have their kernel's gradient gathered. Below it, and on a device with fast
# products, one product with an array that is mostly zeros costs less than moving what the gathering moves.
GATHERED_FROM = 64
# Filters gathered at a time: their windows, 9 MB for 128 bags at D = 1152, should stay in the cache.
CHUNK = 16


def max_over_time(frames, kernel, mask):
    """The largest answer of each filter among its places, one at each frame, of a bag.

    Zeros stand around the bag: a filter at frame t sees (W - 1) // 2 frames before it and W // 2 after it.

    Of a filter's answers only the largest has a gradient (the first, where several are equal). So the kernel's gradient
    is a sum over the B windows that hold these, not over all B T, and no array [B, T, N] is kept for it.

    Args:
      frames: [B, T, D], floating point, 0 where the mask is false.
      kernel: [W, D, N], in the dtype of frames.
      mask: bool [B, T], true where a frame exists; a filter has no place elsewhere.

    Returns:
      [B, N] in the dtype of frames; 0, with gradient 0, for a bag without frames.
    """

    @ops.custom_gradient
    def strongest(frames, kernel):
        answers = ops.matmul(_windows(frames, kernel.shape[0]), ops.reshape(kernel, (-1, kernel.shape[-1])))
        answers = ops.where(ops.expand_dims(mask, -1), answers, ops.cast(float("-inf"), answers.dtype))
        largest = ops.max(answers, axis=1)
        place = _first(ops.equal(answers, ops.expand_dims(largest, 1)))

        def gradient(upstream):
            return _gradients(frames, kernel, place, upstream)

        return largest, gradient

    found = strongest(ops.convert_to_tensor(frames), ops.convert_to_tensor(kernel))
    return ops.where(ops.any(mask, axis=1, keepdims=True), found, ops.zeros_like(found))


def _windows(frames, width):
    """What a filter sees at each frame: [B, T, W D]."""
    length = ops.shape(frames)[1]
    padded = _padded(frames, width)
    return ops.concatenate([padded[:, first : first + length] for first in range(width)], axis=-1)


def _padded(frames, width):
    return ops.pad(frames, ((0, 0), ((width - 1) // 2, width // 2), (0, 0)))


def _first(marked):
    """Where the first mark of each bag and filter is: bool [B, T, N] -> int32 [B, N]; the last frame where none is."""
    length = ops.shape(marked)[1]
    left = ops.expand_dims(length - ops.arange(length, dtype="int32"), -1)
    return length - ops.max(ops.where(marked, left, 1), axis=1)


def _gradients(frames, kernel, place, upstream):
    """Of frames [B, T, D] and kernel [W, D, N], from place and upstream, both [B, N]."""
    width, size, count = kernel.shape
    length = ops.shape(frames)[1]

    def of_answers():
        """[B, T, N], 0 where an answer was not the largest."""
        at_place = ops.equal(ops.expand_dims(ops.arange(length, dtype="int32"), -1), ops.expand_dims(place, 1))
        return ops.where(at_place, ops.expand_dims(upstream, 1), ops.cast(0, upstream.dtype))

    def by_product():
        seen = ops.reshape(_windows(frames, width), (-1, width * size))
        return ops.matmul(ops.transpose(seen), ops.reshape(of_answers(), (-1, count)))

    def by_gathering():
        return ops.reshape(_gathered(_padded(frames, width), place, upstream, width), (width * size, count))

    gathers = keras.distribution.list_devices()[0].startswith("cpu")
    of_kernel = ops.cond(length > GATHERED_FROM, by_gathering, by_product) if gathers else by_product()
    # Pruned from a compiled step in which nothing before the frames is trained.
    by_window = ops.matmul(of_answers(), ops.transpose(ops.reshape(kernel, (-1, count))))
    return _unwindowed(by_window, width), ops.reshape(of_kernel, kernel.shape)


def _unwindowed(by_window, width):
    """The transpose of _windows: [B, T, W D] to [B, T, D], each frame the sum of what it is in the windows."""
    length = ops.shape(by_window)[1]
    parts = [
        ops.pad(part, ((0, 0), (offset, width - 1 - offset), (0, 0)))
        for offset, part in enumerate(ops.split(by_window, width, axis=-1))
    ]
    first = (width - 1) // 2
    return sum(parts)[:, first : first + length]


def _gathered(padded, place, upstream, width):
    """Each filter's windows at its places, times upstream, summed over the bags: [W, D, N].

    Args: padded [B, T + W - 1, D], the frames with their zeros; place and upstream [B, N].
    """
    bags, length, size = *ops.shape(padded)[:2], padded.shape[-1]
    rows = ops.reshape(padded, (-1, size))
    count = place.shape[-1]

    def chunked(x):
        """[B, N] to [N / CHUNK, CHUNK, B], zeros after the last filter."""
        x = ops.pad(ops.transpose(x), ((0, -count % CHUNK), (0, 0)))
        return ops.reshape(x, (-1, CHUNK, bags))

    def windows_of(chunk):
        first, factor = chunk
        seen = [ops.cast(ops.take(rows, first + offset, axis=0), "float32") for offset in range(width)]
        return ops.stack([ops.matmul(ops.expand_dims(factor, 1), x)[:, 0] for x in seen])  # [W, CHUNK, D]

    first = place + ops.expand_dims(ops.arange(bags, dtype="int32") * length, -1)
    sums = ops.map(windows_of, (chunked(first), chunked(ops.cast(upstream, "float32"))))
    sums = ops.reshape(ops.transpose(sums, (1, 3, 0, 2)), (width, size, -1))
    return ops.cast(sums[..., :count], upstream.dtype)
