"""The training step, scoring and sparsemax on JAX: where it has an accelerator, the layers run there unchanged.

`KERAS_BACKEND=jax python -m benchmarks.on_jax [--quick]`. A JSON line each, as train_step, scoring and sparsemax print
them; ours is compiled whole by XLA, in bfloat16 on an accelerator and float32 on a CPU. References: the plain network
(plain_network.py) in float32 with Keras' Adam and clipping, the network as it is for all classes, and none for
sparsemax. Limits: products alone, at the higher of both types' rates, and softmax. Rates wait for the device.
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
    """work a second of a function whose result waits on the device."""
    return work / harness.seconds(lambda: jax.block_until_ready(function()))


def stepper(network, answer, batch):
    """A function of no arguments that takes one step of training.

    Args:
      answer: function of what stateless_call returns -> probabilities.
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


def products(quick):
    """The rate of floating point operations of a large product, the higher of float32's and bfloat16's."""
    rows, inner, columns = (512, 256, 1024) if quick else (4096, 4096, 8192)
    multiply, pairs = jax.jit(jax.numpy.matmul), []
    for dtype in ("float32", "bfloat16"):
        pairs.append((jax.numpy.ones((rows, inner), dtype), jax.numpy.ones((inner, columns), dtype)))
        multiply(*pairs[-1])
    return lambda: max(rate(2 * rows * inner * columns, lambda p=p: multiply(*p)) for p in pairs for _ in range(3))


def train_step(model, policy, size, peak, arguments):
    batch = networks.arrays(model, size, networks.BAG_FRAMES)
    inputs = {"frames": batch["frames"], "mask": batch["mask"]}
    ours, plain = networks.build(model, policy), PlainNetwork(model)
    plain(batch["frames"][:2])
    steps = {
        "ours": stepper(ours, lambda outputs: outputs["probabilities"], batch | {"inputs": inputs}),
        "reference": stepper(plain, lambda outputs: outputs, batch | {"inputs": batch["frames"]}),
    }
    cost = networks.training_operations(ours, model)
    sides = {name: lambda s=step: rate(size, s) for name, step in steps.items()}
    rates, memory = harness.interleave(sides | {"limit": lambda: peak() / cost}, arguments.rounds)
    harness.report("train_step", "videos/s", rates, memory, backend="jax", precision=policy, batch=size)


def scoring(model, policy, size, peak, arguments):
    network, columns = networks.build(model), networks.classes(model)
    folded = fold(network, columns, policy.removeprefix("mixed_"))
    batch = networks.arrays(model, size, networks.SEGMENT_FRAMES)
    frames, mask = jax.numpy.array(batch["frames"]), jax.numpy.array(batch["mask"])
    ours = jax.jit(lambda f, m: folded(f, m)["probabilities"])
    plain = jax.jit(lambda f, m: network({"frames": f, "mask": m}, training=False)["probabilities"])
    difference = float(abs(np.asarray(plain(frames, mask))[:, columns] - np.asarray(ours(frames, mask))).max())
    cost = networks.scoring_operations(folded, networks.SEGMENT_FRAMES)
    sides = {
        name: lambda f=f: rate(size, lambda: f(frames, mask)) for name, f in (("ours", ours), ("reference", plain))
    }
    rates, memory = harness.interleave(sides | {"limit": lambda: peak() / cost}, arguments.rounds)
    harness.report("scoring", "segments/s", rates, memory, backend="jax", precision=policy, batch=size,
                   classes=len(columns), largest_difference=difference)  # fmt: skip


def normalisers(shape, arguments):
    keys = jax.random.split(jax.random.key(0))
    logits, upstream = (jax.random.normal(key, shape) for key in keys)

    def both_ways(function):
        def run(logits, upstream):
            value, backward = jax.vjp(function, logits)
            return value, backward(upstream)

        compiled = jax.jit(run)
        compiled(logits, upstream)
        return lambda: rate(1, lambda: compiled(logits, upstream))

    sides = {"ours": both_ways(sparsemax), "limit": both_ways(jax.nn.softmax)}
    harness.report("sparsemax", "arrays/s", *harness.interleave(sides, arguments.rounds), backend="jax", shape=shape)


def main():
    arguments = harness.parse(__doc__)
    model, peak = networks.model_config(arguments.quick), products(arguments.quick)
    policy = "float32" if jax.default_backend() == "cpu" else "mixed_bfloat16"
    small = arguments.quick
    train_step(model, policy, 16 if small else 128, peak, arguments)
    scoring(model, policy, 64 if small else 256, peak, arguments)
    for shape in ((64, 30),) if small else ((1024, 120), (1024, 300)):
        normalisers(shape, arguments)


if __name__ == "__main__":
    main()
