"""The networks that pool by learned clusters or filters: DBoF, NetVLAD, CNN."""

import numpy as np
import pytest

from tests.layer_case import assert_close
from tests.models.network_case import NetworkCase, bags, trainable
from yt8m_attention import config
from yt8m_attention.errors import UserError
from yt8m_attention.models import registry

LOGISTIC = {"video_level_classifier_model": "logistic"}
# Input norm; hidden layer's norm, context gating and its norm, logistic classifier.
SHARED = 2 * 1152 + 2 * 1024 + (1024**2 + 2 * 1024) + (1024 * 3862 + 3862)


class OrderFree(NetworkCase):
    def test_order_of_frames_does_not_matter(self):
        model, inputs = self.build(), bags()
        order = np.random.default_rng(0).permutation(6)
        other = {name: value[:, order] for name, value in inputs.items()}
        assert_close(model(other)["probabilities"], model(inputs)["probabilities"])


class TestDbof(OrderFree):
    model = "dbof"

    def test_pooling_follows_the_configuration(self):
        model, other = self.build(pooling="mean"), self.build(pooling="max")
        other.set_weights(model.get_weights())
        assert np.abs(model(bags())["probabilities"] - other(bags())["probabilities"]).max() > 1e-3

    def test_parameters(self):
        pooled = 1152 * 2048 + 2 * 2048 + 2048 * 1024
        assert trainable(registry.build(config.Model(model="dbof", **LOGISTIC))) == SHARED + pooled


class TestNetVlad(OrderFree):
    model = "netvlad"

    def test_later_streams_have_half_the_clusters(self):
        assert [vlad.num_clusters for vlad in self.build().vlads] == [4, 2]

    def test_parameters(self):
        clusters = 2 * (1024 * 64 + 64) + 2 * (128 * 32 + 32)
        hidden = (1024 * 64 + 128 * 32) * 1024
        assert trainable(registry.build(config.Model(model="netvlad", **LOGISTIC))) == SHARED + clusters + hidden


class TestCnn(NetworkCase):
    model = "cnn"

    def test_order_of_frames_matters(self):
        model, inputs = self.build(), bags()
        backwards = {"frames": inputs["frames"][:1, ::-1]}
        assert np.abs(model(backwards)["probabilities"] - model(inputs)["probabilities"][:1]).max() > 1e-4

    def test_parameters(self):
        filters = 1152 * (1 * 1024 + 2 * 1024 + 3 * 2048) + 4096
        assert trainable(registry.build(config.Model(model="cnn", **LOGISTIC))) == SHARED + filters + 4096 * 1024


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"cnn_filters": (4, 5)}, r"--cnn_filters: found \(4, 5\), wanted a number of filters for each"),
        ({"cnn_filter_widths": (1, 1, 2)}, "--cnn_filter_widths: .* wanted distinct numbers"),
        ({"pooling": "sum"}, "--pooling: found 'sum', wanted one of mean, max, last"),
        ({"netvlad_cluster_size": 1}, "--netvlad_cluster_size: found 1, wanted 2 to"),
    ],
)
def test_wrong_sizes_are_rejected_by_the_flags_name(wrong, message):
    with pytest.raises(UserError, match=message):
        config.Model(**wrong)
