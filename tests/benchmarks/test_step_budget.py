"""What a step's operations are part of, by the names that they really have."""

import re

import keras
import pytest
import tensorflow as tf

from benchmarks import step_budget
from tests.models.network_case import SMALL
from yt8m_attention import config
from yt8m_attention.models import registry
from yt8m_attention.training import optimizer


@pytest.fixture(scope="module")
def operations():
    """[(name, type)] of a training step's graph."""
    keras.utils.set_random_seed(0)
    described = config.Model(**{"model": "multi_attention"} | SMALL | {"input_noise": 0.01})
    model = registry.build(described)
    adam = optimizer.build(config.Phase(max_steps=1), loss_scaling=False)
    adam.build(model.trainable_variables)

    @tf.function
    def step(frames):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model({"frames": frames}, training=True)["probabilities"])
        adam.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    graph = step.get_concrete_function(tf.TensorSpec([4, 6, described.features.total], tf.uint8)).graph
    return [(operation.name, operation.type) for operation in graph.get_operations()]


def test_every_part_is_found(operations):
    parts = {step_budget.part_of(name) for name, _ in operations}
    assert parts == set(step_budget.PARTS) | {step_budget.OTHER}


@pytest.mark.parametrize(
    "kind, part",
    [("Tanh", "attention"), ("TanhGrad", "attention"), ("ResourceApplyAdam", "update of the weights"),
     ("StatelessRandomUniformV2", "noise")],
)  # fmt: skip
def test_what_can_be_of_one_part_alone_is(operations, kind, part):
    names = [name for name, of_kind in operations if of_kind == kind]
    assert names and {step_budget.part_of(name) for name in names} == {part}


def test_a_weights_products_are_of_its_layers_part(operations):
    """Forward and backward: none is left over but the network's own, of the input norm's statistics."""
    products = [name for name, kind in operations if "MatMul" in kind]
    left_over = [name for name in products if step_budget.part_of(name) == step_budget.OTHER]
    assert len(products) > 20 and all(re.search(r"multi_attention\w*/MatMul", name) for name in left_over)
