"""The part of each operation of a training step, by its real name."""

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
    """[(name, type)] of the operations of a training step."""
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
def test_some_operations_belong_to_one_part_only(operations, kind, part):
    names = [name for name, of_kind in operations if of_kind == kind]
    assert names and {step_budget.part_of(name) for name in names} == {part}


def test_matrix_products_belong_to_the_part_of_their_layer(operations):
    """Forward and backward. Only products of the network itself, for the statistics of the input norm, have no part."""
    products = [name for name, kind in operations if "MatMul" in kind]
    unassigned = [name for name in products if step_budget.part_of(name) == step_budget.OTHER]
    assert len(products) > 20 and all(re.search(r"multi_attention\w*/MatMul", name) for name in unassigned)
