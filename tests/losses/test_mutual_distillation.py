import numpy as np
import pytest
import tensorflow as tf

from yt8m_attention.losses.mutual_distillation import mutual_distillation


def softmax(z):
    powers = np.exp(np.float64(z) - np.max(z, axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def logits(seed=0, bags=4, members=3, classes=5):
    rng = np.random.default_rng(seed)
    return np.float32(rng.normal(0, 3, (bags, members, classes))), np.float32(rng.normal(0, 3, (bags, classes)))


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_agrees_with_numpy(temperature):
    members, mixture = logits()
    p, q = softmax(mixture / temperature)[:, None], softmax(members / temperature)
    wanted = temperature**2 * (p * np.log(p / q)).sum(axis=(1, 2)).mean()
    np.testing.assert_allclose(mutual_distillation(members, mixture, temperature), wanted, rtol=1e-5)


def test_members_that_answer_as_the_mixture_have_nothing_to_learn():
    _, mixture = logits()
    assert float(mutual_distillation(np.repeat(mixture[:, None], 3, axis=1), mixture, 3.0)) < 1e-5


def test_bags_off_the_mask_do_not_count():
    members, mixture = logits()
    mask = np.array([True, False, True, False])
    wanted = mutual_distillation(members[mask], mixture[mask], 3.0)
    np.testing.assert_allclose(mutual_distillation(members, mixture, 3.0, mask), wanted, rtol=1e-6)
    assert float(mutual_distillation(members, mixture, 3.0, ~(mask | ~mask))) == 0


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_gradient_reaches_members_and_mixture_and_is_finite_for_certain_answers(scale):
    members, mixture = map(tf.constant, logits())
    with tf.GradientTape() as tape:
        tape.watch([members, mixture])
        loss = mutual_distillation(members * scale, mixture * scale, 3.0)
    to_members, to_mixture = tape.gradient(loss, [members, mixture])
    assert np.isfinite(float(loss)) and np.isfinite(to_members.numpy()).all() and np.isfinite(to_mixture.numpy()).all()
    assert np.abs(to_members).max() > 0
    assert scale > 1 or np.abs(to_mixture).max() > 0
