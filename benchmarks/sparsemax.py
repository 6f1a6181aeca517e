"""Sparsemax, forward and backward: ours compiled as in training, sorting as in the paper, and softmax as the limit.

`python -m benchmarks.sparsemax [--quick]`. One JSON line a shape, [1024, 120] and [1024, 300] (bags times heads,
frames); rates are such arrays a second. The limit is TensorFlow's softmax, compiled or not, whichever is faster in
that turn. `uncompiled` is ours as single operations, outside an island (ops/islands.py).
"""

import tensorflow as tf

from benchmarks import harness
from yt8m_attention.ops.sparsemax import sparsemax
from yt8m_attention.training import compiling

REPEATS = 10


def sorting(logits):
    """Martins & Astudillo 2016, algorithm 1, differentiated by TensorFlow through tau's closed form."""
    ordered = tf.sort(logits, direction="DESCENDING")
    sums = tf.cumsum(ordered, axis=-1)
    ranks = tf.range(1, logits.shape[-1] + 1, dtype=logits.dtype)
    size = tf.reduce_sum(tf.cast(1 + ranks * ordered > sums, tf.int32), axis=-1, keepdims=True)
    tau = (tf.gather(sums, size - 1, batch_dims=1) - 1) / tf.cast(size, logits.dtype)
    return tf.maximum(logits - tau, 0)


def both_ways(function):
    """A compiled function of (logits, upstream) -> (value, gradient)."""

    @tf.function
    def run(logits, upstream):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = function(logits)
        return value, tape.gradient(value, logits, upstream)

    return run


def rate(function, *arrays):
    def repeat():
        for _ in range(REPEATS):
            function(*arrays)[1].numpy()

    return REPEATS / harness.seconds(repeat)


def main():
    arguments = harness.parse(__doc__)
    for shape in ((64, 30),) if arguments.quick else ((1024, 120), (1024, 300)):
        arrays = tf.random.normal(shape, seed=0), tf.random.normal(shape, seed=1)
        sides = {
            "ours": both_ways(compiling.xla(sparsemax)),
            "reference": both_ways(sorting),
            "limit": both_ways(tf.nn.softmax),
            "uncompiled": both_ways(sparsemax),
        }
        softmax = both_ways(compiling.xla(tf.nn.softmax))
        for function in (*sides.values(), softmax):
            function(*arrays)
        turns = {name: lambda f=function, a=arrays: rate(f, *a) for name, function in sides.items()}
        turns["limit"] = lambda s=sides["limit"], c=softmax, a=arrays: max(rate(s, *a), rate(c, *a))
        rates, peak = harness.interleave(turns, arguments.rounds)
        harness.report("sparsemax", "arrays/s", rates, peak, shape=shape)


if __name__ == "__main__":
    main()
