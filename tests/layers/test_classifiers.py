"""The classifier layers: shared properties, and the battery for each."""

import numpy as np
import pytest
from keras import ops

from tests import numpy_layers
from tests.layer_case import LayerCase, assert_close, randomize, weights_of
from yt8m_attention.config import Model
from yt8m_attention.errors import UserError
from yt8m_attention.layers.logistic import Logistic
from yt8m_attention.layers.mixture_of_experts import MixtureOfExperts
from yt8m_attention.models.classifiers import build_classifier
from yt8m_attention.runtime import precision


class TestLogistic(LayerCase):
    counts = (6 * 4 + 4, 0)
    penalized = ("kernel",)

    def make(self, **kwargs):
        return Logistic(4, l2=0.3, **kwargs)

    def reference(self, weights, mask, x):
        return numpy_layers.logistic(weights, x)

    def test_answers_are_probabilities_for_any_input(self):
        extreme = np.float32([[-1e4] * 6, [0] * 6, [1e4] * 6])[None]
        answer = ops.convert_to_numpy(self.built()(extreme))
        assert np.isfinite(answer).all() and answer.min() >= 0 and answer.max() <= 1 + 1e-6

    def test_penalty_is_half_the_squares_of_the_kernels(self):
        layer = self.built()
        squares = sum((w**2).sum() for name, w in weights_of(layer).items() if name.startswith(self.penalized))
        assert_close(sum(layer.losses), 0.3 / 2 * squares)


class TestMixtureOfExperts(TestLogistic):
    counts = (5 * 6 * 4 + 2 * 4 + 4 * 4 + 8, 9)
    penalized = ("gate_kernel", "expert_kernel")

    def make(self, **kwargs):
        return MixtureOfExperts(4, l2=0.3, **kwargs)

    def reference(self, weights, mask, x):
        return numpy_layers.mixture_of_experts(weights, x)


class TestMixtureOfOneExpertWithoutGating(TestMixtureOfExperts):
    counts = (3 * 6 * 4 + 4, 0)

    def make(self, **kwargs):
        return MixtureOfExperts(4, num_mixtures=1, probability_gating=False, l2=0.3, **kwargs)


@pytest.mark.parametrize("experts", [1, 2, 5])
def test_dummy_expert_predicts_zero(experts):
    """With certain experts and equal gates, only the dummy keeps the probability below 1."""
    layer = MixtureOfExperts(3, num_mixtures=experts, probability_gating=False)
    layer.build((None, 6))
    randomize(layer)
    for weight in layer.weights:
        weight.assign(np.full(weight.shape, 50.0 if "bias" in weight.path else 0.0))
    assert_close(layer(np.ones((1, 6), np.float32)), np.full((1, 3), experts / (experts + 1)))


@pytest.mark.parametrize(("kind", "share"), [("logistic", 1.0), ("moe", 2 / 3)])
@pytest.mark.parametrize("prior", [0.5, 0.002])
def test_answers_start_at_the_prior_probability(kind, share, prior):
    """For an input of zeros, the weights have no effect; the dummy expert's third has probability 0."""
    layer = build_classifier(
        Model(num_classes=3, video_level_classifier_model=kind, moe_probability_gating=False, prior_probability=prior)
    )
    assert_close(layer(np.zeros((1, 6), np.float32)), np.full((1, 3), share * prior))


@pytest.mark.parametrize("kind", ["logistic", "moe"])
def test_the_prior_is_not_rounded_in_16_bits(kind):
    """The logit of 0.002 is -6.2, where bfloat16 has a resolution of 0.03."""
    model = Model(
        num_classes=3, video_level_classifier_model=kind, moe_probability_gating=False, prior_probability=0.002
    )
    with precision.use("mixed_bfloat16"):
        mixed = build_classifier(model)
    nothing = np.zeros((1, 6), np.float32)
    np.testing.assert_allclose(mixed(nothing), build_classifier(model)(nothing), rtol=1e-5)


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.1, float("nan")])
def test_a_prior_that_is_certain_is_rejected(prior):
    with pytest.raises(UserError, match="--prior_probability: found"):
        Model(prior_probability=prior)
