"""Measures sparsemax forward and backward: ours compiled, sorting as in the paper, and softmax as the limit.

`python -m benchmarks.sparsemax [--quick]`. Prints one JSON line per shape, [1024, 120] and [1024, 300] (bags times
heads, frames); rates are arrays per second. XLA compiles `ours` and `compiled_softmax` (jit_compile=True): forward and
backward are one program each, as for large fused functions in training (ops/fusion.py), but at any size. `uncompiled`
and `uncompiled_softmax` are the same as single operations. The limit is the faster softmax of each turn, compiled or
not. The reference is not compiled.
"""

import tensorflow as tf

from benchmarks import harness, networks
from yt8m_attention.ops.sparsemax import sparsemax

REPEATS = 10


def sorting(logits):
    """Sparsemax by Martins & Astudillo 2016, algorithm 1; TensorFlow differentiates the closed form of tau."""
    ordered = tf.sort(logits, direction="DESCENDING")
    sums = tf.cumsum(ordered, axis=-1)
    ranks = tf.range(1, logits.shape[-1] + 1, dtype=logits.dtype)
    size = tf.reduce_sum(tf.cast(1 + ranks * ordered > sums, tf.int32), axis=-1, keepdims=True)
    tau = (tf.gather(sums, size - 1, batch_dims=1) - 1) / tf.cast(size, logits.dtype)
    return tf.maximum(logits - tau, 0)


def both_ways(function, jit_compile=False):
    """Returns a graph of (logits, upstream) -> (value, gradient), with the function compiled or as operations."""
    if jit_compile:
        function = tf.function(function, jit_compile=True)

    @tf.function
    def run(logits, upstream):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = function(logits)
        return value, tape.gradient(value, logits, upstream)

    return run


def rate(function, arrays):
    def repeat():
        for _ in range(REPEATS):
            function(*arrays)[1].numpy()

    return REPEATS / harness.seconds(repeat)


def measure(shape, arguments):
    arrays = tf.random.normal(shape, seed=0), tf.random.normal(shape, seed=1)
    functions = {"ours": (sparsemax, True), "reference": (sorting, False), "uncompiled": (sparsemax, False),
                 "compiled_softmax": (tf.nn.softmax, True), "uncompiled_softmax": (tf.nn.softmax, False)}  # fmt: skip
    sides = {
        name: harness.lazily(lambda how=how: both_ways(*how), lambda function: rate(function, arrays))
        for name, how in functions.items()
    }
    rates, peak = harness.interleave(sides, arguments.rounds, networks.peak_memory_mb)
    rates["limit"] = [max(both) for both in zip(rates["compiled_softmax"], rates["uncompiled_softmax"], strict=True)]
    harness.report("sparsemax", "arrays/s", rates, peak, shape=shape)


def main():
    arguments = harness.parse(__doc__)
    for shape in ((64, 30),) if arguments.quick else ((1024, 120), (1024, 300)):
        harness.alone(measure, shape, arguments)


if __name__ == "__main__":
    main()
