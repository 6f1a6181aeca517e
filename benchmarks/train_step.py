"""Measures the training step: ours, a plain Keras network and step, and its matrix products at peak speed.

`python -m benchmarks.train_step [--quick]`. Rates are videos per second. Batches of 128 videos with 120 frames are in
memory, so the feed is not measured. Ours uses --precision=auto; `bfloat16` is ours with --precision=mixed_bfloat16,
omitted on a GPU without bfloat16.
The reference is float32: the network of Keras layers (plain_network.py), its loss, `tape.gradient`, and
keras.optimizers.Adam with its clipping, in one tf.function. `without_noise` is ours with --input_noise=0. `adam` is our
update of the weights alone, `keras_adam` the update of the reference.
"""

import dataclasses
import functools

import keras
import numpy as np
import tensorflow as tf

from benchmarks import harness, networks
from benchmarks.plain_network import PlainNetwork
from yt8m_attention.config import Phase
from yt8m_attention.losses.weighted_cross_entropy import weighted_cross_entropy
from yt8m_attention.runtime import compilation, precision
from yt8m_attention.training import optimizer
from yt8m_attention.training.step import make_step


def ours(model, policy, batch, size):
    network = networks.build(model, policy)
    phase = Phase(max_steps=1, batch_size=size)
    adam = optimizer.build(phase, loss_scaling=policy == "mixed_float16")
    adam.build(network.trainable_variables)
    compiled = compilation.whole_step("auto")
    step = make_step(network, adam, phase, np.ones(model.num_classes), tf.distribute.get_strategy(), compiled)
    return lambda: float(step(batch)["loss"])


def plain(model, batch):
    network = PlainNetwork(model)
    network(batch["frames"][:2])
    adam = keras.optimizers.Adam(Phase(max_steps=1).base_learning_rate, epsilon=1e-8, global_clipnorm=1.0)

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            probabilities = network(batch["frames"], training=True)
            loss = weighted_cross_entropy(batch["labels"], probabilities) + sum(network.losses)
        adam.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)
        return loss

    return lambda: float(step(batch))


def update(model, adam):
    """Returns a function that runs the update of all weights."""
    network = networks.build(model)
    variables = network.trainable_variables
    adam.build(variables)
    gradients = [tf.fill(variable.shape, 1e-9) for variable in variables]

    @tf.function
    def apply():
        adam.apply(gradients, variables)

    def run():
        apply()
        return variables[0].numpy()

    return run


def main():
    arguments = harness.parse(__doc__)
    model, size = networks.model_config(arguments.quick), 16 if arguments.quick else 128
    batch = networks.batch(model, size, networks.BAG_FRAMES)
    chosen = precision.choose("auto")
    quiet = dataclasses.replace(model, input_noise=0.0)
    steps = {
        "ours": lambda: ours(model, chosen, batch, size),
        "reference": lambda: plain(model, batch),
        "bfloat16": lambda: ours(model, "mixed_bfloat16", batch, size),
        "without_noise": lambda: ours(quiet, chosen, batch, size),
        "adam": lambda: update(model, optimizer.build(Phase(max_steps=1), loss_scaling=False)),
        "keras_adam": lambda: update(model, keras.optimizers.Adam()),
    }
    if networks.short_type() != "bfloat16":
        del steps["bfloat16"]
    sides = {name: harness.lazily(build, lambda step: size / harness.seconds(step)) for name, build in steps.items()}
    cost = functools.cache(lambda: networks.training_operations(networks.build(model), model))
    sides["limit"] = networks.limit(arguments.quick, cost)
    rates, memory = harness.interleave(sides, arguments.rounds, networks.peak_memory_mb)
    harness.report("train_step", "videos/s", rates, memory, precision=chosen, batch=size,
                   frames=networks.BAG_FRAMES, gigaflop_per_video=round(cost() / 1e9, 3))  # fmt: skip


if __name__ == "__main__":
    main()
