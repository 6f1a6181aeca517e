"""The sequence networks: GRU, LSTM, transformer."""

import numpy as np
import pytest

from tests.layer_case import assert_close
from tests.models.network_case import NetworkCase, bags, padded, trainable
from tests.models.test_clusters_and_filters import LOGISTIC, SHARED, OrderFree
from yt8m_attention import config
from yt8m_attention.errors import UserError
from yt8m_attention.models import registry


class RecurrentCase(NetworkCase):
    def test_order_of_frames_matters(self):
        model, inputs = self.build(), bags()
        backwards = {"frames": inputs["frames"][:1, ::-1]}
        assert np.abs(model(backwards)["probabilities"] - model(inputs)["probabilities"][:1]).max() > 1e-4

    def test_last_state_is_that_of_the_last_real_frame(self):
        model, inputs = self.build(pooling="last"), bags()
        for i, length in enumerate(inputs["mask"].sum(axis=1)):
            alone = model({"frames": inputs["frames"][i : i + 1, :length]})["probabilities"]
            assert_close(alone[0], model(inputs)["probabilities"][i])
        mean = self.build(pooling="mean")(inputs)["probabilities"]
        assert np.abs(mean - model(inputs)["probabilities"]).max() > 1e-4


class TestGru(RecurrentCase):
    model = "gru"

    def test_parameters(self):
        cells = 1152 * 3 * 1024 + 3 * 1024 + 1024 * 3 * 1024 + 1024
        assert trainable(registry.build(config.Model(model="gru", **LOGISTIC))) == SHARED + cells + 1024**2


class TestLstm(RecurrentCase):
    model = "lstm"

    def test_parameters(self):
        cells = 1152 * 4 * 1024 + 4 * 1024 + 1024 * 4 * 1024
        assert trainable(registry.build(config.Model(model="lstm", **LOGISTIC))) == SHARED + cells + 1024**2

    def test_further_layers_read_the_states_of_the_one_before(self):
        model, inputs = self.build(lstm_layers=3), bags()
        first = {w.path for w in self.build().weights}
        further = {w.path for w in model.weights} - first
        assert first < {w.path for w in model.weights}  # a checkpoint of one layer keeps its names
        assert {path.split("/")[1] for path in further} == {"recurrence_2", "recurrence_3"}
        states = model.recurrence(np.float32(inputs["frames"]), mask=inputs["mask"])
        upper = model.further_layers[0](states, mask=inputs["mask"])
        assert upper.shape == states.shape and np.abs(upper - states).max() > 1e-4
        assert trainable(model) - trainable(self.build()) == 2 * (2 * 5 * 4 * 5 + 4 * 5)

    def test_padding_changes_nothing_in_further_layers(self):
        model, inputs = self.build(lstm_layers=2, pooling="last"), bags()
        assert_close(model(padded(inputs))["probabilities"], model(inputs)["probabilities"])


class TestTransformer(OrderFree):
    model = "transformer"

    def test_parameters(self):
        """Weights of the blocks at their real width: 12 times its square, norms and biases."""
        model = registry.build(config.Model(model="transformer", transformer_layers=1, num_classes=2, **LOGISTIC))
        block = 12 * 1024**2 + 2 * 2 * 1024 + 4 * 1024 + 1024
        assert trainable(model.blocks[0]) == block
        around = (1152 * 1024 + 1024) + 2 * 1024 + 1024**2
        assert trainable(model) == SHARED - 1024 * 3862 - 3862 + 1024 * 2 + 2 + block + around

    def test_heads_must_divide_the_width(self):
        with pytest.raises(UserError, match="--transformer_heads: found 3, wanted a divisor of --hidden_size=10"):
            self.build(transformer_heads=3)
