"""Compares training on several virtual devices with training on one. It needs a separate process, since TensorFlow
fixes the devices at its first operation.

    python -m tests.training.mirrored_step

Batch normalization uses the rows of one device. If it is trained, all devices get the same rows, and the single device
gets these rows once. In tests with batches of any size it is frozen.
"""

import tempfile

import keras
import numpy as np
import tensorflow as tf

from tests.training import runs
from yt8m_attention.config import Data, Model, Phase, Run
from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization
from yt8m_attention.models import registry
from yt8m_attention.runs import checkpoints, model_state, run_file
from yt8m_attention.runtime import distribution
from yt8m_attention.training import optimizer, teachers
from yt8m_attention.training.loop import State
from yt8m_attention.training.step import make_step

MODEL = Model(features=runs.FEATURES, num_classes=6, num_heads=2, hidden_size=16, attention_sizes=(8, 4), input_noise=0)
PLAIN = Model(
    model="frame_pooling", features=runs.FEATURES, num_classes=6, input_noise=0, hidden_layer=False,
    context_gating=False, moe_probability_gating=False, l2_penalty=0.1,
)  # fmt: skip
# A network with a penalty that is not only on weights: the members' distillation is a mean over the bags.
MIXED = Model(
    model="mix_nextvlad", features=runs.FEATURES, num_classes=6, hidden_size=4, nextvlad_cluster_size=2,
    nextvlad_groups=2, mix_number=2, input_noise=0, context_gating=False,
)  # fmt: skip
PHASE = Phase(max_steps=1, clip_gradient_norm=0.5)


def make_batch(rng, rows, copies=1):
    values = {
        "frames": rng.integers(0, 256, (rows, 5, 32), dtype=np.uint8),
        "mask": np.ones((rows, 5), bool),
        "labels": (rng.random((rows, 6)) < 0.4).astype(np.uint8),
        "rated": rng.random((rows, 6)) < 0.5,
    }
    return {name: tf.constant(np.concatenate([value] * copies)) for name, value in values.items()}


def train(strategy, model_config, make_optimizer, batches, learn_statistics, teacher_fn=None):
    """Returns (dict of results of each step, {path: weight or moment})."""
    keras.utils.set_random_seed(7)
    with strategy.scope():
        model = registry.build(model_config)
        for layer in model._flatten_layers():
            if isinstance(layer, MaskedBatchNormalization):
                layer.trainable = learn_statistics
        built = make_optimizer()
        built.build(model.trainable_variables)
    step = make_step(model, built, PHASE, np.ones(6), strategy, jit_compile=False, teacher_fn=teacher_fn)
    results = [{key: float(value) for key, value in step(batch).items()} for batch in batches]
    moments = [variable for variable in built.variables if variable.path.endswith(("momentum", "velocity"))]
    return results, {variable.path: np.asarray(variable) for variable in (*model.weights, *moments)}


def compare(one, several):
    (results, weights), (their_results, their_weights) = one, several
    for number, (ours, theirs) in enumerate(zip(results, their_results, strict=True)):
        for key, value in ours.items():
            np.testing.assert_allclose(theirs[key], value, rtol=1e-4, atol=1e-5, err_msg=f"step {number}: {key}")
    for name, value in weights.items():
        np.testing.assert_allclose(their_weights[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


def same_rows(one, several):
    """With loss scaling. Adam's moments show whether gradients are scaled back; the weights do not."""

    def trained(strategy):
        rng = np.random.default_rng(0)
        batches = [make_batch(rng, 4, strategy.num_replicas_in_sync) for _ in range(3)]
        return train(strategy, MODEL, lambda: optimizer.build(PHASE, loss_scaling=True), batches, True)

    compare(trained(one), trained(several))


def any_size(one, several, model, sizes):
    """One batch of each size, with plain SGD, since Adam would amplify rounding errors."""

    def trained(strategy):
        rng = np.random.default_rng(1)
        batches = [make_batch(rng, rows) for rows in sizes]
        return train(strategy, model, lambda: keras.optimizers.SGD(0.1), batches, False)

    expected = trained(one)
    for strategy in several:
        compare(expected, trained(strategy))


def taught(one, several):
    """With a teacher on each replica. mixup_lambda is 1, since mixed bags would have other partners per replica."""
    rng = np.random.default_rng(3)
    batches = [make_batch(rng, rows) | {"mixup_lambda": tf.ones(rows)} for rows in (3, 4)]
    with tempfile.TemporaryDirectory() as folder:
        checkpoints.save(
            folder, 1, model_state.arrays(model_state.variables(registry.build(MODEL))), State(1).to_meta()
        )
        run_file.write(Run(folder, "x", MODEL, Data(), PHASE), {}, "0")

        def trained(strategy):
            with strategy.scope():
                teacher_fn = teachers.load([folder])
            return train(strategy, PLAIN, lambda: keras.optimizers.SGD(0.1), batches, False, teacher_fn)

        expected = trained(one)
        for strategy in several:
            compare(expected, trained(strategy))


def padding_is_left_out(several):
    """With one row, the statistics of batch normalization are a mean over replicas, of which only one has data."""
    rng = np.random.default_rng(2)
    batch = make_batch(rng, 1)
    updates = [
        next(value for name, value in weights.items() if name.endswith("input_norm/updates"))
        for _, weights in (
            train(strategy, PLAIN, lambda: keras.optimizers.SGD(0.1), [batch], True) for strategy in several
        )
    ]
    np.testing.assert_allclose(updates, [1 / strategy.num_replicas_in_sync for strategy in several])


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 8)
    names = [device.name for device in tf.config.list_logical_devices("CPU")]
    assert distribution.strategy("mirrored").num_replicas_in_sync == len(names) == 8
    alone = distribution.strategy("one")
    same_rows(alone, tf.distribute.MirroredStrategy(names[:2]))
    # Reduction on one device, since TensorFlow's collective operations allow groups of one size per process.
    two, four, eight = (
        tf.distribute.MirroredStrategy(names[:count], tf.distribute.ReductionToOneDevice()) for count in (2, 4, 8)
    )
    tf.config.run_functions_eagerly(True)  # faster than a graph for one step of each size
    padding_is_left_out((two, four))
    any_size(alone, (two, four, eight), PLAIN, (1, 3, 5, 9, 16))
    any_size(alone, (two,), MIXED, (1, 3))
    taught(alone, (two, four))
    print("equal")
