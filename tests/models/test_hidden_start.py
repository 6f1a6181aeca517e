"""Output of the hidden layer's batch norm at initialisation."""

import keras
import numpy as np
import pytest

from yt8m_attention import config
from yt8m_attention.models import registry

FEATURES = config.Features(("rgb", "audio"), (256, 32))


@pytest.mark.parametrize("model", ["netvlad", "cnn", "dbof", "nextvlad", "frame_pooling", "gru"])
def test_the_epsilon_of_the_batch_norm_does_not_swallow_it(model):
    keras.utils.set_random_seed(0)
    network = registry.build(config.Model(model=model, features=FEATURES, num_classes=5, hidden_size=64))
    heard = []
    normalise = network.hidden_norm.call
    network.hidden_norm.call = lambda *args, **kwargs: heard.append(normalise(*args, **kwargs)) or heard[-1]
    network({"frames": np.random.default_rng(0).integers(0, 256, (64, 6, 288), np.uint8)}, training=True)
    deviations = np.std(np.asarray(heard[-1])[:, 0], axis=0)
    assert deviations.mean() > 0.8  # it is one if the variance of the input is much larger than epsilon
