import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats

from tests.layer_case import LayerCase, assert_close
from yt8m_attention.layers.gaussian_noise import GaussianNoise


class TestGaussianNoise(LayerCase):
    takes_mask = False

    def make(self, **kwargs):
        return GaussianNoise(0.3, **kwargs)

    def reference(self, weights, mask, x):
        return x

    def test_padding_changes_nothing(self):
        """The noise depends on the input's shape; only inference is fixed."""
        rng = np.random.default_rng(6)
        x = self.inputs(rng)
        assert_close(self.run(self.make(), self.pad(rng, x))[:, :5], self.run(self.make(), x), 0)

    def test_empty_bag_is_finite_and_leaves_the_others_alone(self):
        x = self.inputs(np.random.default_rng(7))[0]
        assert_close(self.make()(x)[1:], self.make()(x[1:]), 0)

    def test_draws_have_mean_zero_and_the_given_deviation(self):
        keras.utils.set_random_seed(0)
        drawn = ops.convert_to_numpy(GaussianNoise(0.3)(ops.zeros((100, 100, 10)), training=True))
        assert abs(drawn.mean()) < 5 * 0.3 / np.sqrt(drawn.size)
        assert drawn.std() == pytest.approx(0.3, rel=0.02)

    def test_every_call_draws_new_noise_and_the_state_restores_it(self):
        layer, x = self.make(), ops.zeros((2, 3))
        state = ops.copy(layer.seed_generator.state.value)
        first, second = (ops.convert_to_numpy(layer(x, training=True)) for _ in range(2))
        assert np.abs(first - second).min() > 0
        layer.seed_generator.state.assign(state)
        assert_close(layer(x, training=True), first, 0)

    def test_equal_seeds_give_equal_draws(self):
        draws = []
        for seed in (1, 1, 2):
            keras.utils.set_random_seed(seed)
            draws.append(ops.convert_to_numpy(self.make()(ops.zeros((2, 3)), training=True)))
        assert np.array_equal(draws[0], draws[1]) and not np.array_equal(draws[0], draws[2])

    def test_state_is_there_and_has_one_name_with_and_without_noise(self):
        paths = [[v.path for v in GaussianNoise(stddev, name="noise").variables] for stddev in (0.0, 0.1, 0.1)]
        assert paths[0] == paths[1] == paths[2] == ["noise_random/seed_generator_state"]

    def test_negative_deviation_is_rejected(self):
        with pytest.raises(ValueError, match=r"found -0.1, wanted 0 or more"):
            GaussianNoise(-0.1)

    def test_draws_are_normal_and_independent(self):
        keras.utils.set_random_seed(0)
        drawn = ops.convert_to_numpy(GaussianNoise(2.0)(ops.zeros((4000, 7)), training=True)) / 2.0
        assert stats.kstest(drawn.ravel(), "norm").pvalue > 1e-3
        for values in (
            drawn,
            np.square(drawn),
        ):  # the common radius of a cosine and a sine must not correlate the squares
            correlations = np.corrcoef(values.T) - np.eye(7)
            assert np.abs(correlations).max() < 5 / np.sqrt(len(drawn))
