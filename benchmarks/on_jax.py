"""Measures the training step, scoring and sparsemax on JAX. The layers also run unchanged on its accelerators.

`KERAS_BACKEND=jax python -m benchmarks.on_jax [--quick]`. Prints the JSON lines of train_step, scoring and sparsemax.
XLA compiles each of ours as a whole, in bfloat16 on an accelerator and float32 on a CPU. References: the plain network
(plain_network.py) in float32 with Adam and clipping of Keras; the unfolded network for all classes; none for sparsemax.
Limits: matrix products in the faster type, and softmax. Rates wait for the device. Each line has its own process, so
`peak_memory_mb` is that of the device, or on a CPU of this process alone.
"""

import jax
import keras
import numpy as np

from benchmarks import harness, networks
from benchmarks.plain_network import PlainNetwork
from yt8m_attention.losses.weighted_cross_entropy import weighted_cross_entropy
from yt8m_attention.models.folded import fold
from yt8m_attention.ops.sparsemax import sparsemax


def rate(work, function):
    """Returns work per second of a function; waits for its result on the device."""
    return work / harness.seconds(lambda: jax.block_until_ready(function()))


def stepper(network, answer, batch):
    """Returns a function without arguments that runs one training step.

    Args:
      network: a Keras model.
      answer: function of the outputs of stateless_call -> probabilities.
      batch: dict of "inputs" and "labels".
    """
    adam = keras.optimizers.Adam(8e-4, epsilon=1e-8, global_clipnorm=1.0)
    adam.build(network.trainable_variables)

    def loss(trainable, others):
        outputs, changed, penalties = network.stateless_call(
            trainable, others, batch["inputs"], training=True, return_losses=True
        )
        return weighted_cross_entropy(batch["labels"], answer(outputs)) + sum(penalties), changed

    def step(trainable, others, optimizer):
        (value, others), gradients = jax.value_and_grad(loss, has_aux=True)(trainable, others)
        trainable, optimizer = adam.stateless_apply(optimizer, gradients, trainable)
        return value, (trainable, others, optimizer)

    compiled = jax.jit(step, donate_argnums=(0, 1, 2))
    variables = network.trainable_variables, network.non_trainable_variables, adam.variables
    state = [[jax.numpy.array(v.value) for v in group] for group in variables]

    def run():
        value, state[:] = compiled(*state)
        return value

    run()
    return run


def train_step(model, policy, arguments):
    size = 16 if arguments.quick else 128
    batch = networks.arrays(model, size, networks.BAG_FRAMES)
    inputs = {"frames": batch["frames"], "mask": batch["mask"]}

    def ours():
        return stepper(networks.build(model, policy), lambda o: o["probabilities"], batch | {"inputs": inputs})

    def plain():
        network = PlainNetwork(model)
        network(batch["frames"][:2])
        return stepper(network, lambda outputs: outputs, batch | {"inputs": batch["frames"]})

    sides = {name: harness.lazily(build, lambda s: rate(size, s)) for name, build in
             (("ours", ours), ("reference", plain))}  # fmt: skip
    sides["limit"] = networks.limit(arguments.quick, lambda: networks.training_operations(networks.build(model), model))
    rates, memory = harness.interleave(sides, arguments.rounds, networks.peak_memory_mb)
    harness.report("train_step", "videos/s", rates, memory, backend="jax", precision=policy, batch=size)


def scoring(model, policy, arguments):
    size = 64 if arguments.quick else 256
    network, columns = networks.build(model), networks.classes(model)
    batch = networks.arrays(model, size, networks.SEGMENT_FRAMES)
    arrays = jax.numpy.array(batch["frames"]), jax.numpy.array(batch["mask"])
    folded = fold(network, columns, policy.removeprefix("mixed_"))
    compiled = {
        "ours": jax.jit(lambda f, m: folded(f, m)["probabilities"]),
        "reference": jax.jit(lambda f, m: network({"frames": f, "mask": m}, training=False)["probabilities"]),
    }
    sides = {name: harness.lazily(lambda f=f: f, lambda f: rate(size, lambda: f(*arrays)))
             for name, f in compiled.items()}  # fmt: skip
    sides["limit"] = networks.limit(
        arguments.quick, lambda: networks.scoring_operations(folded, networks.SEGMENT_FRAMES)
    )
    rates, memory = harness.interleave(sides, arguments.rounds, networks.peak_memory_mb)
    ours, plain = (np.asarray(f(*arrays)) for f in compiled.values())
    harness.report("scoring", "segments/s", rates, memory, backend="jax", precision=policy, batch=size,
                   classes=len(columns), largest_difference=float(abs(plain[:, columns] - ours).max()))  # fmt: skip


def normalisers(shape, arguments):
    keys = jax.random.split(jax.random.key(0))
    logits, upstream = (jax.random.normal(key, shape) for key in keys)

    def both_ways(function):
        def run(logits, upstream):
            value, backward = jax.vjp(function, logits)
            return value, backward(upstream)

        return jax.jit(run)

    sides = {name: harness.lazily(lambda f=f: both_ways(f), lambda f: rate(1, lambda: f(logits, upstream)))
             for name, f in (("ours", sparsemax), ("limit", jax.nn.softmax))}  # fmt: skip
    rates, memory = harness.interleave(sides, arguments.rounds, networks.peak_memory_mb)
    harness.report("sparsemax", "arrays/s", rates, memory, backend="jax", shape=shape)


def of_network(part, arguments):
    policy = "mixed_bfloat16" if networks.accelerated() else "float32"
    part(networks.model_config(arguments.quick), policy, arguments)


def main():
    arguments = harness.parse(__doc__)
    for part in (train_step, scoring):
        harness.alone(of_network, part, arguments)
    for shape in ((64, 30),) if arguments.quick else ((1024, 120), (1024, 300)):
        harness.alone(normalisers, shape, arguments)


if __name__ == "__main__":
    main()
